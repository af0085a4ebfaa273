import type { Live } from "../live.ts";
import { clockTime, duration, latency, rate, unknown } from "../format.ts";
import { Failed, Refused } from "../parts/figures.tsx";
import { Link } from "../parts/link.tsx";
import type { Place } from "../place.ts";

interface HeaderProps {
  readonly live: Live;
  readonly now: number;
  readonly place: Place;
}

/** Who this is, in what state, and all of its traffic in one line. */
export function Header({ live, now, place }: HeaderProps) {
  const { proxy, figures } = live.parts;
  // At first there is nothing to compare with.
  const total = figures?.seconds === 0 ? undefined : figures?.total;
  return (
    <header>
      <div class="title">
        <h1>pagoda</h1>
        {proxy === undefined ? null : (
          <>
            <span class={`phase ${proxy.phase === "serving" && proxy.notReady === null ? "good" : "bad"}`}>
              {proxy.phase === "serving" && proxy.notReady !== null ? "not ready" : proxy.phase}
            </span>
            <span class="muted">
              {[
                proxy.version,
                location.host,
                `pid ${proxy.pid}`,
                `up ${duration(now - proxy.startedAt)}`,
                `log level ${proxy.logLevel}`,
              ]
                .filter((each) => each !== null)
                .join(" · ")}
            </span>
          </>
        )}
        <Connection live={live} now={now} />
      </div>
      <dl class="totals">
        <Total name="Requests" value={total === undefined ? unknown : rate(total.perSecond)} />
        <Total name="Failed" value={total === undefined ? unknown : <Failed rates={total} />} />
        <Total name="Refused" value={total === undefined ? unknown : <Refused rates={total} />} />
        <Total name="p50" value={latency(total?.p50Ms ?? null, figures?.slowestMs)} />
        <Total name="p99" value={latency(total?.p99Ms ?? null, figures?.slowestMs)} />
        <Total name="p99.9" value={latency(total?.p999Ms ?? null, figures?.slowestMs)} />
      </dl>
      <nav aria-label="views">
        <Link to={{}} current={place.view === "overview"}>
          Overview
        </Link>
        <Link to={{ view: "requests" }} current={place.view !== "overview"}>
          Requests
        </Link>
      </nav>
    </header>
  );
}

interface TotalProps {
  readonly name: string;
  readonly value: preact.ComponentChildren;
}

function Total({ name, value }: TotalProps) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Connection({ live, now }: { readonly live: Live; readonly now: number }) {
  const { connection, retryAt, offsetMs, parts } = live;
  if (connection === "connecting")
    return (
      <span class="connection" role="status">
        connecting …
      </span>
    );
  if (connection === "lost")
    return (
      <span class="connection bad" role="status">
        {`Connection lost; the figures are old. Trying again${
          retryAt === undefined ? "" : ` at ${clockTime(retryAt + offsetMs, now)} UTC`
        }.`}
      </span>
    );
  const { figures } = parts;
  return (
    <span class="connection muted" role="status" aria-live="off">
      {figures === undefined || figures.seconds === 0
        ? "live"
        : `live, the last ${duration(figures.seconds * 1_000)} · ${clockTime(now, now)} UTC`}
    </span>
  );
}
