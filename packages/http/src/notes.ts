import type { Fault } from "@pagoda/core";

/**
 * Which way a call went. How it ended is in its result: see core's `faultOf`.
 *
 * Routers and transports write them, also where the call then ends with an error, which could not carry them. Access logs,
 * metrics and traces read them when the call has ended. Nobody decides by them.
 */
export interface CallNotes {
  /** The name of the route that matched. */
  route?: string | undefined;
  /** The cluster that the route selected. */
  cluster?: string | undefined;
  /** The origin that answered, as `http://host:port`; until one has, the one that was called last. */
  upstream?: string | undefined;
  /** How many times an origin was called. */
  tries: number;
}

/** Notes on a call of which nothing is known yet. */
export function callNotes(): CallNotes {
  return { route: undefined, cluster: undefined, upstream: undefined, tries: 0 };
}

/**
 * The upstream that a call ended with: the one that its fault names, otherwise the one that was noted.
 *
 * @param fault What core's `faultOf` says of the result.
 */
export function upstreamOf(notes: CallNotes, fault: Fault | undefined): string | undefined {
  return fault?.upstream ?? notes.upstream;
}
