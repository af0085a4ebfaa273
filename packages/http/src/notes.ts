import type { Fault } from "@pagoda/core";
import type { TrailEntry } from "./trail.ts";

/**
 * Which way a call went. How it ended is in its result, which core's `faultOf` reads.
 *
 * Written by routers, transports and layers that authenticate, because an error could not carry this
 * out of the stack; read by access logs, metrics and traces when the call has ended. Never decide by
 * it.
 */
export interface CallNotes {
  /** The name of the route that matched. */
  route?: string | undefined;
  /** The cluster that the route selected. */
  cluster?: string | undefined;
  /** The origin that answered, as `http://host:port`; until one has, the origin called last. */
  upstream?: string | undefined;
  /** How many times an origin was called. */
  tries: number;
  /** The tries and events of the call, the newest first: see `trailOf`. */
  trail?: TrailEntry | undefined;
  /**
   * The URL requested last, with its fragment, if redirects were followed. For the client that made
   * the call; it may contain secrets.
   */
  url?: string | undefined;
  /**
   * Who sent the request: the user of a verified password, or the subject of a verified token.
   * Never a name that has not been verified, which may be a password in the wrong place.
   */
  user?: string | undefined;
}

/** Notes for a new call. */
export function callNotes(): CallNotes {
  return {
    route: undefined,
    cluster: undefined,
    upstream: undefined,
    tries: 0,
    trail: undefined,
    url: undefined,
    user: undefined,
  };
}

/**
 * Returns the upstream that a call ended at: the one its fault names, otherwise the one in its
 * notes.
 *
 * @param fault The result's, see core's `faultOf`.
 */
export function upstreamOf(notes: CallNotes, fault: Fault | undefined): string | undefined {
  return fault?.upstream ?? notes.upstream;
}
