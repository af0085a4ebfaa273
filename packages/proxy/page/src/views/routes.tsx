import type { LiveListener } from "../../../src/live/snapshot.ts";
import { cut, isFailing, routeRows, type RouteRow } from "../filter.ts";
import { count, percent, rate } from "../format.ts";
import { seriesOf } from "../history.ts";
import { Disclosure } from "../parts/disclosure.tsx";
import { rateColumns } from "../parts/figures.tsx";
import { Policies } from "../parts/policies.tsx";
import { SeriesCharts } from "../parts/series-charts.tsx";
import { Sparkline } from "../parts/sparkline.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Words } from "../parts/words.tsx";
import type { Parts } from "../parts.ts";
import type { Place } from "../place.ts";

interface RoutesProps {
  readonly parts: Parts;
  readonly place: Place;
}

/** The listeners with their routes, as composed, and their traffic. */
export function Routes({ parts, place }: RoutesProps) {
  const { stack, figures } = parts;
  const groups = (stack?.listeners ?? []).map((listener) => ({
    listener,
    rows: routeRows(listener, figures, place),
  }));
  const filled = groups.filter(({ rows }) => rows.length > 0);
  const { shown, left } = cut(filled);
  return (
    <section>
      <h2 id="routes">Listeners and routes</h2>
      {shown.length === 0 ? (
        <p class="empty">
          <Words>{emptyText(parts, groups.length)}</Words>
        </p>
      ) : null}
      {shown.map(({ listener, rows }) => (
        <Listener key={listener.listener} listener={listener} rows={rows} parts={parts} place={place} />
      ))}
      {left > 0 ? <p class="muted">{`${count(left, "more listener")}: use the filter`}</p> : null}
    </section>
  );
}

function emptyText({ stack }: Parts, listeners: number): string {
  if (stack === undefined) return "Waiting for the first figures.";
  return listeners === 0
    ? "No listeners: they come from `listeners` of the configuration or from a control plane."
    : "No route matches the filter.";
}

interface ListenerProps extends RoutesProps {
  readonly listener: LiveListener;
  readonly rows: readonly RouteRow[];
}

function Listener({ listener, rows, parts, place }: ListenerProps) {
  const { listener: name, url, protocols, policies } = listener;
  const rates = parts.figures?.listeners.find((each) => each.listener === name);
  const { shown, left } = cut(rows);
  const key = `listener ${name}`;
  const policiesText = `${count(policies.length, "policy", "policies")} of the listener`;
  return (
    <article>
      <div class="top">
        <h3>
          {name} <span class="muted">{url ?? "not listening yet"}</span>
        </h3>
        <p class="facts">
          {protocols.join(", ")} · {rate(rates?.perSecond ?? 0)} ·{" "}
          {policies.length === 0 ? (
            <span class="muted">{policiesText}</span>
          ) : (
            <Disclosure name={key} place={place}>
              {policiesText}
            </Disclosure>
          )}
        </p>
      </div>
      {place.open === key ? <Policies policies={policies} of={`listener ${name}`} /> : null}
      <Table
        caption={`routes of listener ${name}`}
        columns={columns(parts, place)}
        rows={shown}
        keyOf={({ route }) => route}
        empty="No routes: the listener answers every request with 404."
        wrong={({ rates }) => isFailing(rates)}
        detail={(row) => (place.open === keyOf(row) ? <Detail row={row} parts={parts} /> : null)}
      />
      {left > 0 ? <p class="muted">{`${count(left, "more route")}: use the filter`}</p> : null}
    </article>
  );
}

function keyOf({ listener, route }: RouteRow): string {
  return `route ${listener}/${route}`;
}

function columns({ figures, history }: Parts, place: Place): readonly Column<RouteRow>[] {
  return [
    {
      title: "Route",
      cell: (row) => (
        <>
          <Disclosure name={keyOf(row)} place={place}>
            {row.route}
          </Disclosure>
          <span class="sub">{row.match.length === 0 ? "all requests" : row.match.join(" or ")}</span>
        </>
      ),
    },
    { title: "To", cell: (row) => targetText(row) },
    {
      title: "15 min",
      cell: ({ listener, route }) => (
        <Sparkline series={seriesOf(history, { listener, route })} history={history} />
      ),
    },
    ...rateColumns<RouteRow>(({ rates }) => rates, figures?.slowestMs ?? Infinity),
  ];
}

function targetText({ clusters, answer }: RouteRow): string {
  if (answer !== null) return answer;
  if (clusters.length === 1) return clusters[0]?.cluster ?? "";
  return clusters.map(({ cluster, share }) => `${cluster} ${percent(share)}`).join(", ");
}

function Detail({ row, parts }: { readonly row: RouteRow; readonly parts: Parts }) {
  const { listener, route, policies } = row;
  const errors = (parts.figures?.errors ?? []).filter(
    (each) => each.listener === listener && each.route === route,
  );
  return (
    <>
      {errors.length === 0 ? null : (
        <p>
          {"Errors now: "}
          {errors
            .map(
              ({ error, cluster, perSecond }) =>
                `${error} ${rate(perSecond)}${cluster === "none" || cluster === "" ? "" : ` (${cluster})`}`,
            )
            .join(", ")}
        </p>
      )}
      <Policies policies={policies} of={`route ${route}`} />
      <SeriesCharts history={parts.history} series={seriesOf(parts.history, { listener, route })} />
    </>
  );
}
