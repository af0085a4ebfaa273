import type { CallRecord } from "../../../src/recorder/call-record.ts";
import { about, headline, stepsOf, verdict } from "../../../src/recorder/story.ts";
import { hintsFor } from "../../../src/recorder/hints.ts";
import { milliseconds } from "../format.ts";
import { useJson } from "../loading.ts";
import { Link } from "../parts/link.tsx";
import { Pending } from "../parts/pending.tsx";
import { Table } from "../parts/table.tsx";
import { Words } from "../parts/words.tsx";
import type { Place } from "../place.ts";
import { isBad } from "./requests.tsx";

interface RequestProps {
  readonly id: string;
  readonly place: Place;
}

/** What happened to a request, step by step. */
export function Request({ id, place }: RequestProps) {
  const [loaded] = useJson<CallRecord>(`/requests/${encodeURIComponent(id)}`);
  return (
    <section>
      <p>
        <Link to={{ ...place, view: "requests", id: "" }}>all requests</Link>
      </p>
      {loaded.state === "done" ? null : <h2 id="request">{`Request ${id}`}</h2>}
      <Pending loaded={loaded} />
      {loaded.state === "done" ? <Story call={loaded.value} /> : null}
    </section>
  );
}

function Story({ call }: { readonly call: CallRecord }) {
  const { endpoints, headers, cluster } = call;
  const hints = hintsFor(call);
  const fields = Object.entries(headers ?? {}).flatMap(([of, each]) =>
    Object.entries(each).map(([name, values]) => ({ of, name, value: values.join(", ") })),
  );
  return (
    <>
      <p class="headline">
        <code>{headline(call)}</code>
      </p>
      <h2 id="request" class={isBad(call.reason) ? "trouble" : ""}>
        <Words>{verdict(call)}</Words>
      </h2>
      {hints.length === 0 ? null : (
        <ul class="hints" aria-label="hints">
          {hints.map((hint) => (
            <li key={hint}>
              <Words>{hint.replace(/^hint: /, "")}</Words>
            </li>
          ))}
        </ul>
      )}
      <ul class="plain muted">
        {about(call).map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      <h3>Step by step</h3>
      <ol class="steps">
        {stepsOf(call).map(({ atMs, text }, n) => (
          <li key={n}>
            <span class="at">{milliseconds(atMs)}</span>{" "}
            <span>
              <Words>{text}</Words>
            </span>
          </li>
        ))}
      </ol>
      {fields.length === 0 ? null : (
        <>
          <h3>Header fields</h3>
          <ul class="plain">
            {fields.map(({ of, name, value }) => (
              <li key={`${of} ${name}`}>
                <span class="muted">{of}</span> <code>{`${name}: ${value}`}</code>
              </li>
            ))}
          </ul>
        </>
      )}
      {endpoints === undefined ? null : (
        <>
          <h3>{`Endpoints of ${cluster ?? "the cluster"} when it ended`}</h3>
          <Table
            caption="endpoints when it ended"
            columns={[
              { title: "Endpoint", cell: ({ endpoint }) => <code>{endpoint}</code> },
              { title: "Succeeded", number: true, cell: ({ succeeded }) => String(succeeded) },
              { title: "Failed", number: true, cell: ({ failed }) => String(failed) },
              {
                title: "Trouble",
                cell: ({ reason }) =>
                  reason === undefined ? null : (
                    <span class="trouble">
                      <Words>{reason}</Words>
                    </span>
                  ),
              },
              {
                title: "Takes requests again",
                number: true,
                cell: ({ forMs }) => (forMs === undefined ? null : `in ${milliseconds(forMs)}`),
              },
            ]}
            rows={endpoints.shown}
            keyOf={({ endpoint }) => endpoint}
            empty="None of them were recorded."
            wrong={({ reason }) => reason !== undefined}
          />
          {endpoints.total > endpoints.shown.length ? (
            <p class="muted">{`and ${endpoints.total - endpoints.shown.length} more`}</p>
          ) : null}
        </>
      )}
    </>
  );
}
