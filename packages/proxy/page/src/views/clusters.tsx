import type { LiveCluster, LiveEndpoint, LiveRates } from "../../../src/live/snapshot.ts";
import { isFailing, slowText } from "../failing.ts";
import { cut, showsCluster } from "../filter.ts";
import { count, latency, number, rate, workers } from "../format.ts";
import { seriesOf } from "../history.ts";
import { ActionButton, useActions } from "../parts/actions.tsx";
import { Disclosure } from "../parts/disclosure.tsx";
import { Failed, rateColumns, Refused } from "../parts/figures.tsx";
import { Policies } from "../parts/policies.tsx";
import { SeriesCharts } from "../parts/series-charts.tsx";
import { Sparkline } from "../parts/sparkline.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Words } from "../parts/words.tsx";
import type { Parts } from "../parts.ts";
import type { Place } from "../place.ts";
import { isByOperator, troubleText } from "../problems.ts";
import { settingsText } from "../settings-text.ts";

interface ClustersProps {
  readonly parts: Parts;
  readonly place: Place;
  readonly now: number;
}

/** The clusters with their endpoints: which get calls, which do not, and why. */
export function Clusters({ parts, place, now }: ClustersProps) {
  const { clusters, figures, stack } = parts;
  const matching = (clusters ?? []).filter((each) => showsCluster(each, figures, place, stack));
  const { shown, left } = cut(matching);
  return (
    <section>
      <h2 id="clusters">Clusters</h2>
      {shown.length === 0 ? (
        <p class="empty">
          <Words>{emptyText(parts)}</Words>
        </p>
      ) : null}
      {shown.map((each) => (
        <Cluster key={each.cluster} cluster={each} parts={parts} place={place} now={now} />
      ))}
      {left > 0 ? <p class="muted">{`${count(left, "more cluster")}: use the filter`}</p> : null}
    </section>
  );
}

function emptyText({ clusters }: Parts): string {
  if (clusters === undefined) return "Waiting for the first figures.";
  return clusters.length === 0
    ? "No clusters: they come from `clusters` of the configuration or from a control plane."
    : "No cluster matches the filter.";
}

interface ClusterProps extends ClustersProps {
  readonly cluster: LiveCluster;
}

function Cluster({ cluster: status, parts, place, now }: ClusterProps) {
  const { cluster, endpoints, healthy, panicking, reason, shown, left } = status;
  const { figures, history, stack } = parts;
  const settings = stack?.clusters.find((each) => each.cluster === cluster);
  const rates = figures?.clusters.find((each) => each.cluster === cluster);
  const series = seriesOf(history, { cluster });
  const key = `cluster ${cluster}`;
  const { token } = useActions();
  const canAct = parts.proxy?.actions.enabled === true && token !== "";
  const ratesOf = ({ endpoint }: LiveEndpoint): LiveRates | undefined =>
    figures?.endpoints.find((each) => each.cluster === cluster && each.endpoint === endpoint);
  const failing = shown.filter((each) => each.healthy && isFailing(each, now)).length;
  return (
    <article>
      <div class="top">
        <h3>
          <Disclosure name={key} place={place}>
            {cluster}
          </Disclosure>{" "}
          <span
            class={healthy < endpoints || failing > 0 ? "bad" : "muted"}
          >{`${healthy} of ${count(endpoints, "endpoint")} in rotation${failing > 0 ? `, ${number(failing)} failing` : ""}`}</span>
        </h3>
        <p class="facts">
          <Sparkline series={series} history={history} /> {rate(rates?.perSecond ?? 0)} · failed{" "}
          <Failed rates={rates} /> · refused <Refused rates={rates} /> · p99{" "}
          {latency(rates?.p99Ms ?? null, figures?.slowestMs)}
          {settings === undefined ? null : (
            <span class="muted">
              {` · ${settings.source} · ${settings.protocol} · ${settingsText(settings.balance)}` +
                ` · ${settings.check ? "health checks" : "no health checks"}` +
                ` · ${settings.outliers ? "ejects outliers" : "ejects no outliers"}`}
            </span>
          )}
        </p>
      </div>
      {reason === null ? null : (
        <p class="trouble">
          <Words>{reason}</Words>
        </p>
      )}
      {panicking.length === 0 ? null : (
        <p class="trouble">{`Too few healthy endpoints: ${workers(panicking)} ignoring health.`}</p>
      )}
      {place.open === key ? (
        <>
          <Policies policies={settings?.policies ?? []} of={key} />
          <SeriesCharts history={history} series={series} />
        </>
      ) : null}
      <Table
        caption={`endpoints of cluster ${cluster}`}
        columns={[
          { title: "Endpoint", cell: ({ endpoint }) => <code>{endpoint}</code> },
          { title: "State", cell: (endpoint) => <State endpoint={endpoint} now={now} /> },
          ...rateColumns<LiveEndpoint>(ratesOf, figures?.slowestMs ?? Infinity),
          { title: "Failed tries, 5 min", number: true, cell: (endpoint) => <FailedTries {...endpoint} /> },
          ...(canAct ? [actionsColumn(cluster)] : []),
          { title: "In flight", number: true, cell: ({ inFlight }) => number(inFlight) },
          {
            title: "Estimate",
            number: true,
            cell: ({ latencyMs }) => (latencyMs === null ? null : latency(latencyMs)),
          },
        ]}
        rows={shown}
        keyOf={({ endpoint }) => endpoint}
        empty="No endpoints yet: requests get 503 until the source of the cluster names some."
        wrong={(each) =>
          !each.healthy ||
          each.troubles.length > 0 ||
          isFailing(each, now) ||
          slowText(status, each.endpoint, figures) !== undefined
        }
      />
      {left > 0 ? <p class="muted">{`${count(left, "more endpoint")} without trouble`}</p> : null}
    </article>
  );
}

/** What an operator can do with an endpoint. */
function actionsColumn(cluster: string): Column<LiveEndpoint> {
  return {
    title: "Actions",
    cell: ({ endpoint, troubles }) => {
      const query = new URLSearchParams({ cluster, endpoint }).toString();
      const isOut = troubles.some(isByOperator);
      const isBlocked = troubles.some((trouble) => trouble.blocks && !isByOperator(trouble));
      return (
        <span class="choices">
          {isOut ? (
            <ActionButton path={`/endpoints/return?${query}`} name="Return" of={endpoint} />
          ) : (
            <ActionButton
              path={`/endpoints/eject?${query}&for=10m`}
              name="Take out"
              of={endpoint}
              confirm={`${endpoint} gets no requests for 10 minutes; those in flight are completed.`}
            />
          )}
          {isBlocked ? <ActionButton path={`/breakers/reset?${query}`} name="Reset" of={endpoint} /> : null}
        </span>
      );
    },
  };
}

/** Tries that failed or timed out, whether they were retried elsewhere or not. */
function FailedTries({ recent: { succeeded, failed, timedOut } }: Pick<LiveEndpoint, "recent">) {
  const bad = failed + timedOut;
  return bad === 0 ? (
    <span class="muted">0</span>
  ) : (
    <span class="bad">{`${number(bad)} of ${number(succeeded + bad)}`}</span>
  );
}

/** Whether an endpoint gets calls, and if not why and until when. */
function State({ endpoint, now }: { readonly endpoint: LiveEndpoint; readonly now: number }) {
  const { healthy, troubles, consecutiveFailures } = endpoint;
  const failures = consecutiveFailures > 1 ? `the last ${consecutiveFailures} requests failed` : undefined;
  if (healthy && troubles.length === 0 && isFailing(endpoint, now))
    return <span class="bad">{failures === undefined ? "failing" : `failing; ${failures}`}</span>;
  if (healthy && troubles.length === 0)
    return failures === undefined ? <span class="good">healthy</span> : <span>{`healthy; ${failures}`}</span>;
  if (troubles.length === 0) return <span class="bad">unhealthy</span>;
  return (
    <ul class="plain">
      {troubles.map((trouble) => (
        <li key={trouble.cause} class="trouble">
          <Words>{troubleText(trouble, now)}</Words>
        </li>
      ))}
    </ul>
  );
}
