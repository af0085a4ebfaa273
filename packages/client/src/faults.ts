import type { BufferFull, QueueTimedOut } from "@pagoda/buffer";
import type { CircuitOpen } from "@pagoda/circuit-breaker";
import type { Aborted, AnyLayer, FailsOf, Fault, LeftOf } from "@pagoda/core";
import type { BodyBroken, BodyTooLarge } from "@pagoda/http";
import type { RedirectRefused, TooManyRedirects } from "@pagoda/follow-redirects";
import type { JsonFault } from "@pagoda/json";
import type { StatusError } from "@pagoda/status-errors";
import type { TimedOut } from "@pagoda/timeout";
import type { TransportFault } from "@pagoda/transport";

/** The URL of a call is not one that this client calls. Nothing was sent. */
export interface UrlRefused extends Fault<"UrlRefused"> {
  readonly origin: "local";
  readonly retryable: false;
  readonly url: string;
  readonly reason: string;
}

/** All hosts that the client may keep are in use. Nothing was sent. */
export interface TooManyHosts extends Fault<"TooManyHosts"> {
  readonly origin: "local";
  readonly retryable: true;
  readonly maxHosts: number;
}

/** The client has been closed. Nothing was sent. */
export interface ClientClosed extends Fault<"ClientClosed"> {
  readonly origin: "local";
  readonly retryable: false;
}

/** The body of a response could not be read as a whole. */
export type ReadFailed = BodyBroken | BodyTooLarge;

/** The errors of a call whose response is read, in addition to those of the client. */
export type ReadError = Aborted | ReadFailed | StatusError;

/** The errors of a call whose response is decoded as JSON, in addition to those of the client. */
export type JsonError = ReadError | JsonFault;

/** The errors of a client's calls, by its options. A policy that is off raises none. */
export type ErrorsOf<Options> =
  | Aborted
  | UrlRefused
  | TooManyHosts
  | ClientClosed
  | TimeoutOf<Options>
  | (IsOff<Options, "redirects"> extends true ? never : TooManyRedirects | RedirectRefused)
  | (IsOff<Options, "circuitBreaker"> extends true ? never : CircuitOpen)
  | (IsOff<Options, "concurrency"> extends true ? never : BufferFull | QueueTimedOut)
  | RaisedBy<Options, "perCall">
  | RaisedBy<Options, "perTry">
  | ConnectErrorOf<Options>;

/** The limit of a single call can be set even if the client has none. */
type TimeoutOf<Options> =
  IsOff<Options, "timeoutMs"> extends true
    ? IsOff<Options, "tryTimeoutMs"> extends true
      ? never
      : TimedOut
    : TimedOut;

type IsOff<Options, Policy extends string> = Options extends { readonly [P in Policy]: false } ? true : false;

/** The errors of a layer that may be there. */
type RaisedBy<Options, Place extends string> = Place extends keyof Options
  ? FailsOf<Exclude<Options[Place], undefined> & AnyLayer<never>>
  : never;

type ConnectErrorOf<Options> = "connect" extends keyof Options
  ? ErrorOfConnect<Options["connect"]>
  : TransportFault;

type ErrorOfConnect<Connect> = Connect extends (...args: never[]) => { call(...args: never[]): infer Result }
  ? LeftOf<Result>
  : TransportFault;
