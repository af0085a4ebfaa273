import { useRef } from "preact/hooks";
import { count } from "../format.ts";
import { Link } from "../parts/link.tsx";
import { Words } from "../parts/words.tsx";
import type { Parts } from "../parts.ts";
import { requestsPlace } from "../place.ts";
import type { Problem } from "../problems.ts";

interface ProblemsProps {
  readonly problems: readonly Problem[];
  readonly parts: Parts;
}

const maxShown = 12;

/** What is wrong now, in sentences. */
export function Problems({ problems, parts }: ProblemsProps) {
  const bad = problems.filter(({ level }) => level === "wrong");
  const hadSome = useRef(false);
  hadSome.current ||= bad.length > 0;
  return (
    <section>
      <h2 id="problems">Now</h2>
      <p class="hidden" aria-live="polite">
        {announcement(bad, hadSome.current)}
      </p>
      {bad.length === 0 ? <p class="fine">{fineText(problems, parts)}</p> : null}
      <ul class="problems">
        {problems.slice(0, maxShown).map(({ key, level, subject, text, requests, section }) => (
          <li key={key} class={level}>
            <span class="mark" aria-hidden="true">
              {level === "wrong" ? "✕" : "!"}
            </span>
            <span>
              <strong>{subject}</strong> <Words>{text}</Words>{" "}
              {requests === undefined ? (
                <a href={`#${section}`}>{`show ${section}`}</a>
              ) : (
                <Link to={requestsPlace(requests)}>show the requests</Link>
              )}
            </span>
          </li>
        ))}
      </ul>
      {problems.length > maxShown ? (
        <p class="muted">{`and ${problems.length - maxShown} more below`}</p>
      ) : null}
    </section>
  );
}

/** Without the numbers: it is read aloud whenever it changes, which must not be each second. */
function announcement(bad: readonly Problem[], hadSome: boolean): string {
  if (bad.length === 0) return hadSome ? "No problem any more." : "";
  return `${count(bad.length, "problem")}: ${bad
    .slice(0, 3)
    .map(({ subject }) => subject)
    .join("; ")}`;
}

function fineText(problems: readonly Problem[], { clusters, figures }: Parts): string {
  if (figures === undefined || figures.seconds === 0) return "Waiting for the first figures.";
  if (problems.some(({ level }) => level === "warning")) return "No requests fail, but:";
  const endpoints = (clusters ?? []).reduce((sum, { healthy }) => sum + healthy, 0);
  return `Nothing is wrong. ${count(endpoints, "endpoint")} in rotation; no requests failed or refused just now.`;
}
