import { type CallRecord, reasons } from "../../../src/recorder/call-record.ts";
import { verdict } from "../../../src/recorder/story.ts";
import { clockTime, count, milliseconds, unknown } from "../format.ts";
import { useJson, useNewer } from "../loading.ts";
import { go } from "../navigation.ts";
import { Link } from "../parts/link.tsx";
import { Pending } from "../parts/pending.tsx";
import { Table } from "../parts/table.tsx";
import { Words } from "../parts/words.tsx";
import type { Parts } from "../parts.ts";
import type { Place } from "../place.ts";
import { Choice } from "./filters.tsx";

interface RequestsProps {
  readonly parts: Parts;
  readonly place: Place;
  readonly now: number;
}

const limit = 100;

/** The requests that are kept and match: those behind a number. */
export function Requests({ parts, place, now }: RequestsProps) {
  const [loaded, again] = useJson<readonly CallRecord[]>(pathOf(place));
  const newer = useNewer(pathOf(place), loaded);
  const { stack, proxy } = parts;
  const routes = new Set(stack?.listeners.flatMap((listener) => listener.routes.map(({ route }) => route)));
  const clusters = stack?.clusters.map(({ cluster }) => cluster) ?? [];
  return (
    <section>
      <h2 id="requests">Requests</h2>
      <p class="muted">
        <Words>
          {proxy?.keptRequests === 0
            ? "No requests are kept: `recorder.keep` is 0."
            : "The last failed, refused, slow and recovered requests, and a sample of the others."}
        </Words>
      </p>
      <search class="filters">
        <Choice
          name="Reason"
          value={place.reason}
          values={reasons}
          chosen={(reason) => go({ ...place, reason })}
        />
        <Choice
          name="Route"
          value={place.route}
          values={Array.from(routes)}
          chosen={(route) => go({ ...place, route })}
        />
        <Choice
          name="Cluster"
          value={place.cluster}
          values={clusters}
          chosen={(cluster) => go({ ...place, cluster })}
        />
        <label>
          Status{" "}
          <input
            value={place.status}
            placeholder="503 or 5xx"
            size={8}
            onChange={({ currentTarget }) => go({ ...place, status: currentTarget.value })}
          />
        </label>
        <label>
          Endpoint{" "}
          <input
            value={place.endpoint}
            placeholder="http://10.0.0.7:80"
            onChange={({ currentTarget }) => go({ ...place, endpoint: currentTarget.value })}
          />
        </label>
        <button type="button" onClick={again}>
          {newer === 0 ? "Refresh" : `Show ${newer === limit ? `${limit} or more` : newer} new`}
        </button>
      </search>
      <Pending loaded={loaded} />
      {loaded.state === "done" ? (
        <>
          <p class="muted" role="status">
            {`${loaded.value.length === limit ? `The last ${limit} requests` : count(loaded.value.length, "request")}, the newest first`}
          </p>
          <Table
            caption="requests"
            columns={[
              { title: "Time, UTC", short: true, cell: ({ time }) => clockTime(Date.parse(time), now) },
              {
                title: "Request",
                cell: (call) => (
                  <Link to={{ view: "request", id: call.id }}>
                    <code>{requestText(call, loaded.value)}</code>
                  </Link>
                ),
              },
              { title: "Status", number: true, cell: ({ status }) => status ?? unknown },
              { title: "Took", number: true, cell: ({ durationMs }) => milliseconds(durationMs) },
              {
                title: "Reason",
                short: true,
                cell: ({ reason }) => <span class={isBad(reason) ? "bad" : ""}>{reason}</span>,
              },
              { title: "What happened", cell: (call) => <Words>{verdict(call)}</Words> },
            ]}
            rows={loaded.value}
            keyOf={({ id, worker, time }) => `${id} ${worker} ${time}`}
            empty="No kept request matches. Failed and refused requests are kept for up to an hour, of many similar ones in a second only some."
          />
        </>
      ) : null}
    </section>
  );
}

/** With the host only where there are several. */
function requestText(
  { reason, method, authority, path, client }: CallRecord,
  all: readonly CallRecord[],
): string {
  if (reason === "unread") return `unread, of ${client ?? "an unknown client"}`;
  const isAlike = all.every((other) => other.reason === "unread" || other.authority === authority);
  return `${method} ${isAlike ? "" : authority}${path}`;
}

export function isBad(reason: CallRecord["reason"]): boolean {
  return reason === "failed" || reason === "refused" || reason === "unread";
}

function pathOf({ reason, route, cluster, status, endpoint }: Place): string {
  const params = new URLSearchParams({ limit: String(limit) });
  for (const [name, value] of Object.entries({ reason, route, cluster, status, endpoint }))
    if (value !== "") params.set(name, value);
  return `/requests?${params.toString()}`;
}
