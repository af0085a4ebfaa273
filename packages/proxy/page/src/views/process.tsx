import type { LiveCertificate, LiveChange, LiveReload, LiveWorker } from "../../../src/live/snapshot.ts";
import {
  bytes,
  clockTime,
  count,
  date,
  duration,
  milliseconds,
  number,
  percent,
  relative,
  statesText,
  unknown,
} from "../format.ts";
import { Folded } from "../parts/folded.tsx";
import { Table } from "../parts/table.tsx";
import { Words } from "../parts/words.tsx";
import type { Parts } from "../parts.ts";
import type { Place } from "../place.ts";

interface ProcessProps {
  readonly parts: Parts;
  readonly place: Place;
  readonly now: number;
}

/** Attempts to apply a configuration, with what they changed. */
export function Reloads({ parts, place, now }: ProcessProps) {
  const { reloads = [] } = parts;
  return (
    <Folded
      name="reloads"
      title="Reloads"
      state={reloadsText(reloads, now)}
      wrong={reloads[0]?.result === "rejected"}
      place={place}
    >
      {reloads.length === 0 ? (
        <p class="empty">
          <Words>
            No reloads since the start: a changed file, SIGHUP, or `POST /reload` would be listed here with
            its changes.
          </Words>
        </p>
      ) : (
        <ol class="reloads">
          {reloads.map((reload, n) => (
            <li key={reload.at}>
              <Reload reload={reload} now={now} isOpen={n === 0 && reload.result === "rejected"} />
            </li>
          ))}
        </ol>
      )}
    </Folded>
  );
}

function reloadsText([last, ...others]: readonly LiveReload[], now: number): string {
  if (last === undefined) return "none";
  const text = `${last.result} ${relative(last.at, now)}`;
  return others.length === 0 ? text : `the last ${text}`;
}

interface ReloadProps {
  readonly reload: LiveReload;
  readonly now: number;
  readonly isOpen: boolean;
}

function Reload({ reload, now, isOpen }: ReloadProps) {
  const { at, trigger, result, problems, changes, changesLeft, files, secrets } = reload;
  return (
    <details open={isOpen}>
      <summary>
        <span class={result === "applied" ? "good" : "bad"}>{result}</span>{" "}
        <time dateTime={new Date(at).toISOString()}>{`${clockTime(at, now)} UTC`}</time>{" "}
        <span class="muted">{`${relative(at, now)}, ${trigger}; ${reloadText(reload)}`}</span>
      </summary>
      {problems.length === 0 ? null : (
        <ul class="plain trouble">
          {problems.map((problem) => (
            <li key={problem}>
              <Words>{problem}</Words>
            </li>
          ))}
        </ul>
      )}
      {changes.length === 0 ? null : (
        <ul class="plain changes">
          {changes.map((change, n) => (
            <li key={n}>
              <Change change={change} />
            </li>
          ))}
        </ul>
      )}
      {changesLeft > 0 ? <p class="muted">{`and ${count(changesLeft, "more change")}`}</p> : null}
      {files.length === 0 ? null : <p class="muted">{`files with other contents: ${files.join(", ")}`}</p>}
      {secrets ? <p class="muted">Settings that may be secrets changed, too; they are not shown.</p> : null}
    </details>
  );
}

function reloadText({ result, problems, changes, changesLeft, files, secrets }: LiveReload): string {
  if (result === "rejected") return count(problems.length, "problem");
  const all = changes.length + changesLeft;
  if (all > 0) return count(all, "change");
  return files.length > 0 ? count(files.length, "changed file") : secrets ? "changed secrets" : "no changes";
}

function Change({ change: { path, before, after } }: { readonly change: LiveChange }) {
  return (
    <>
      <code>{path}</code>
      {before === null ? null : <del>{`− ${before}`}</del>}
      {after === null ? null : <ins>{`+ ${after}`}</ins>}
    </>
  );
}

export function Certificates({ parts, place, now }: ProcessProps) {
  const { certificates = [] } = parts;
  return (
    <Folded
      name="certificates"
      title="Certificates"
      state={statesText(certificates.map(({ state }) => certificateText[state]))}
      wrong={certificates.some(({ state }) => state !== "valid")}
      place={place}
    >
      <Table<LiveCertificate>
        caption="certificates"
        columns={[
          { title: "Subject", cell: ({ subject, file }) => (subject === "" ? file : subject) },
          { title: "Names", cell: ({ names }) => (names.length === 0 ? unknown : names.join(", ")) },
          { title: "From", cell: ({ file }) => <code>{file}</code> },
          {
            title: "Expires",
            cell: ({ to }) => (
              <>
                <time dateTime={new Date(to).toISOString()}>{date(to)}</time>
                <span class="muted">{`, ${relative(to, now)}`}</span>
              </>
            ),
          },
          {
            title: "State",
            cell: ({ state }) => (
              <span class={state === "valid" ? "good" : "bad"}>{certificateText[state]}</span>
            ),
          },
        ]}
        rows={certificates}
        keyOf={({ file, subject, from }) => JSON.stringify([file, subject, from])}
        empty="No certificates: those of `tls` in listeners and clusters would be listed here."
        wrong={({ state }) => state !== "valid"}
      />
    </Folded>
  );
}

const certificateText: Readonly<Record<LiveCertificate["state"], string>> = {
  valid: "valid",
  "ends soon": "expires soon",
  ended: "expired",
  "not valid yet": "not valid yet",
};

export function Workers({ parts, place, now }: ProcessProps) {
  const { workers = [] } = parts;
  return (
    <Folded
      name="workers"
      title="Workers"
      state={statesText(workers.filter(({ worker }) => worker !== null).map(({ state }) => state))}
      wrong={workers.some(({ state }) => state === "silent")}
      place={place}
    >
      <Table<LiveWorker>
        caption="processes"
        columns={[
          { title: "Process", cell: ({ worker }) => (worker === null ? "main" : `worker ${worker}`) },
          { title: "State", cell: (worker) => <WorkerState worker={worker} /> },
          { title: "pid", number: true, cell: ({ pid }) => String(pid) },
          { title: "Up", number: true, cell: ({ since }) => duration(now - since) },
          { title: "CPU", number: true, cell: ({ cpu }) => (cpu === null ? unknown : percent(cpu)) },
          {
            title: "Memory",
            number: true,
            cell: ({ memoryBytes }) => (memoryBytes === null ? unknown : bytes(memoryBytes)),
          },
          {
            title: "Answers in",
            number: true,
            cell: ({ answerMs }) => (answerMs === null ? unknown : milliseconds(answerMs)),
          },
          {
            title: "In flight",
            number: true,
            cell: ({ inFlight }) => (inFlight === null ? unknown : number(inFlight)),
          },
        ]}
        rows={workers}
        keyOf={({ pid }) => String(pid)}
        empty="Waiting for the first figures."
        wrong={({ state }) => state === "silent"}
      />
    </Folded>
  );
}

function WorkerState({ worker: { state, silentMs } }: { readonly worker: LiveWorker }) {
  return state === "serving" ? (
    <span class="good">serving</span>
  ) : (
    <span class="bad">{`no answer for ${duration(silentMs)}`}</span>
  );
}
