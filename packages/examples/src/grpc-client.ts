// A gRPC client: unary calls of @grpc/grpc-js as a service, with an error type for each status.
import { type CallOptions, type ClientUnaryCall, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { circuitBreaker, type CircuitOpen } from "@pagoda/circuit-breaker";
import {
  type Aborted,
  aborted,
  type Clock,
  deadlineOf,
  type Either,
  type Fault,
  left,
  type Replayable,
  right,
  service,
  type Service,
  ServiceBuilder,
  systemClock,
} from "@pagoda/core";
import { retry } from "@pagoda/retry";
import { timeout, type TimedOut } from "@pagoda/timeout";

export type StatusName = Exclude<keyof typeof status, "OK">;

/** The server ended a call with this status, or the client did so on its behalf. */
export interface GrpcError<Name extends StatusName> extends Fault<Name> {
  readonly details: string;
}

/** One type for each status, so that layers and handlers can tell them apart by `_tag`. */
export type GrpcErrors = { [Name in StatusName]: GrpcError<Name> }[StatusName];

/** A method of a generated client, bound to it. */
export type UnaryMethod<Message, Answer> = (
  message: Message,
  metadata: Metadata,
  options: CallOptions,
  callback: (error: ServiceError | null, answer?: Answer) => void,
) => ClientUnaryCall;

export interface UnaryCall<Message> extends Replayable {
  readonly message: Message;
  readonly metadata?: Metadata;
}

/**
 * Turns a method of a client into a service. An abort cancels the call, and the deadline of the
 * signal is sent to the server.
 */
export function unary<Message, Answer>(
  name: string,
  method: UnaryMethod<Message, Answer>,
  clock: Clock = systemClock,
): Service<UnaryCall<Message>, Answer, GrpcErrors | Aborted> {
  return service(name, ({ message, metadata = new Metadata() }: UnaryCall<Message>, signal) => {
    if (signal?.aborted) return Promise.resolve(left(aborted(signal)));
    const deadline = deadlineOf(signal);
    const options =
      deadline === undefined ? {} : { deadline: clock.wallTime() + Math.max(0, deadline - clock.now()) };
    return new Promise<Either<GrpcErrors | Aborted, Answer>>((resolve) => {
      const call = method(message, metadata, options, (error, answer) => {
        signal?.removeEventListener("abort", cancel);
        if (error === null) resolve(right(answer as Answer));
        else resolve(left(signal?.aborted ? aborted(signal) : grpcError(error)));
      });
      const cancel = (): void => call.cancel();
      signal?.addEventListener("abort", cancel);
    });
  });
}

/** Limits the time of a method, retries it while the server is unavailable, and spares a failing one. */
export function grpcClient<Message, Answer>(
  name: string,
  method: UnaryMethod<Message, Answer>,
  { timeoutMs = 1_000 }: { readonly timeoutMs?: number } = {},
): Service<UnaryCall<Message>, Answer, GrpcErrors | CircuitOpen | TimedOut | Aborted> {
  return new ServiceBuilder<UnaryCall<Message>>()
    .layer(timeout({ ms: timeoutMs }))
    .layer(retry({ attempts: 3 }))
    .layer(circuitBreaker())
    .service(unary(name, method));
}

/** Statuses for which the server is to blame, not the call: these count for breakers. */
const ofServer: ReadonlySet<StatusName> = new Set([
  "DATA_LOSS",
  "DEADLINE_EXCEEDED",
  "INTERNAL",
  "RESOURCE_EXHAUSTED",
  "UNAVAILABLE",
  "UNIMPLEMENTED",
  "UNKNOWN",
]);

function grpcError({ code, details }: ServiceError): GrpcErrors {
  const name = status[code] as StatusName;
  const origin = ofServer.has(name) ? "upstream" : "local";
  // gRPC's guide names UNAVAILABLE as the status after which a client should repeat the same call.
  return { _tag: name, origin, retryable: name === "UNAVAILABLE", details } as GrpcErrors;
}
