import type { LiveCluster, LiveEndpoint, LiveFigures } from "../../src/live/snapshot.ts";
import { latency, number, relative } from "./format.ts";

/** How long after its last failure an endpoint is failing, in milliseconds. */
export const failingMs = 60_000;
/** Fewer failed tries, or a lower share of all, may be chance. */
const least = { tries: 5, share: 0.01 };
/** An endpoint is slow if half of its requests take so many times as long as those of its peers. */
const slow = { factor: 5, leastMs: 50 };

/** Whether a good part of its recent tries failed or timed out, and some did in the last minute. */
export function isFailing({ recent, failure }: LiveEndpoint, now: number): boolean {
  const { succeeded, failed, timedOut } = recent;
  const bad = failed + timedOut;
  if (failure === null || now - failure.at >= failingMs) return false;
  return bad >= least.tries && bad >= least.share * (succeeded + bad);
}

/** `fails now and then: of the tries of the last 5 minutes 475 succeeded, 702 failed; status 503`. */
export function failingText({ recent, failure }: LiveEndpoint, now: number): string {
  const { succeeded, failed, timedOut } = recent;
  const counts = [
    succeeded === 0 ? "none succeeded" : `${number(succeeded)} succeeded`,
    ...(failed > 0 ? [`${number(failed)} failed`] : []),
    ...(timedOut > 0 ? [`${number(timedOut)} timed out`] : []),
  ].join(", ");
  const what = succeeded === 0 ? "fails" : "fails now and then";
  const ended = failure !== null && now - failure.at > 5_000 ? ` (last ${relative(failure.at, now)})` : "";
  const cause = failure === null || failure.text === "" ? "" : `; ${failure.text}`;
  return `${what}: of the tries of the last 5 minutes ${counts}${cause}${ended}`;
}

/** `p50 965 ms, the others 8 ms`; undefined for an endpoint that is about as fast as its peers. */
export function slowText(
  { cluster }: Pick<LiveCluster, "cluster">,
  endpoint: string,
  figures: LiveFigures | undefined,
): string | undefined {
  const peers = (figures?.endpoints ?? []).filter((each) => each.cluster === cluster);
  const own = peers.find((each) => each.endpoint === endpoint)?.p50Ms ?? null;
  const others = peers
    .flatMap(({ endpoint: other, p50Ms }) => (other === endpoint || p50Ms === null ? [] : [p50Ms]))
    .toSorted((one, other) => one - other);
  const median = others[Math.floor(others.length / 2)];
  if (own === null || median === undefined) return undefined;
  if (own < slow.leastMs || own < slow.factor * median) return undefined;
  return `p50 ${latency(own, figures?.slowestMs)}, the others ${latency(median)}`;
}
