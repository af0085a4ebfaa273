import { balance, type NoEndpointReady } from "@pagoda/balance";
import { type Service, ServiceBuilder, staticEndpoints } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/core/http";
import { forwarded } from "@pagoda/forwarded";
import { metrics } from "@pagoda/metrics";
import { respond, type RespondObserver } from "@pagoda/respond";
import { timeout, type TimedOut } from "@pagoda/timeout";
import { transport, type TransportOptions } from "@pagoda/transport";
import type { Registry } from "prom-client";

export interface StackOptions {
  readonly upstreams: readonly string[];
  readonly requestTimeoutMs: number;
  readonly registry: Registry;
  /** Told of each error that the stack answered by itself. */
  readonly observer?: RespondObserver;
  readonly transport?: TransportOptions;
}

/**
 * What `pagoda` does with a request, from the outside in. A layer that is missing here, or an error that is not
 * answered, does not compile where the stack is served.
 */
export function proxyStack(options: StackOptions): Service<HttpRequest, HttpResponse, never> {
  return (
    new ServiceBuilder<HttpRequest>()
      // Outermost: whatever answers, counts or logs further in needs the request's id.
      .layer(forwarded())
      // Outside `respond`: sees every response, those made of errors included.
      .layer(metrics({ registry: options.registry }))
      // Outside all that can fail.
      .layer(respond(answers, options.observer))
      // An upload takes the time that it takes: the clock runs once the request has been sent.
      .layer(timeout({ ms: options.requestTimeoutMs, startWhen: ({ body }, start) => body.observe(start) }))
      .service(
        balance({
          discovery: staticEndpoints(options.upstreams.map((key) => ({ key }))),
          // The time for the response's head is bounded above; one place for it is enough.
          connect: ({ key }) => transport(key, { ...options.transport, headersTimeoutMs: 0 }),
        }),
      )
  );
}

/** What a client is told of each error. 499, nginx's, is never sent: the client has gone, but metrics count it. */
const answers = {
  Aborted: { status: 499, message: "the client closed the connection" },
  ConnectFailed: { status: 502, message: "the upstream could not be reached" },
  ConnectionBroken: { status: 502, message: "the upstream closed the connection before it answered" },
  HeadersTimedOut: { status: 504, message: "the upstream did not answer in time" },
  NoEndpointReady: ({ endpoints }: NoEndpointReady) => ({
    status: 503,
    message: endpoints === 0 ? "there is no upstream" : "no upstream can take the request now",
    headers: { "retry-after": "1" },
  }),
  PoolExhausted: {
    status: 503,
    message: "the upstream can take no more requests now",
    headers: { "retry-after": "1" },
  },
  RequestInvalid: { status: 400, message: "the request cannot be passed on as it is" },
  TimedOut: ({ afterMs }: TimedOut) => ({
    status: 504,
    message: `the upstream did not answer within ${afterMs} ms`,
  }),
} as const;
