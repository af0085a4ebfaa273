import type { Sources } from "./compile.ts";

/** Programs with one mistake each. */
export const mistakes: Sources = {
  misplaced: `
import { ServiceBuilder } from "@pagoda/core";
import { type HttpRequest, origin, retry, router, timeout } from "./layers.ts";
export const stack = new ServiceBuilder<HttpRequest>()
  .layer(timeout(1_000))
  .layer(retry())
  .layer(router())
  .service(origin);
`,
  forgotten: `
import { ServiceBuilder } from "@pagoda/core";
import { type HttpRequest, origin, rateLimit, respond, router, serve, timeout } from "./layers.ts";
const stack = new ServiceBuilder<HttpRequest>()
  .layer(respond({ NoRoute: 404, Refused: 502, TimedOut: 504 }))
  .layer(router())
  .layer(rateLimit({ key: (request) => request.path }))
  .layer(timeout(1_000))
  .service(origin);
serve(stack);
`,
  outside: `
import { ServiceBuilder } from "@pagoda/core";
import { type HttpRequest, origin, respond, serve, timeout } from "./layers.ts";
const stack = new ServiceBuilder<HttpRequest>()
  .layer(timeout(1_000))
  .layer(respond({ Refused: 502, TimedOut: 504 }))
  .service(origin);
serve(stack);
`,
  handler: `
import { layer } from "@pagoda/core";
import type { TimedOut } from "./layers.ts";
export const handler = layer<unknown, unknown, never, TimedOut, string>("handler", (inner) => ({
  call: (request, signal) => inner.call(request, signal),
}));
`,
  raiser: `
import { layer, left } from "@pagoda/core";
import type { TimedOut } from "./layers.ts";
declare const timedOut: TimedOut;
export const raises = layer("raises", () => ({
  call: () => Promise.resolve(left(timedOut)),
}));
`,
  plain: `
import { type Service, ServiceBuilder } from "@pagoda/core";
import { type HttpRequest, origin, serve } from "./layers.ts";
function logged<Req, Res, Err>(inner: Service<Req, Res, Err>): Service<Req, Res, Err> {
  return inner;
}
export const stack = new ServiceBuilder<HttpRequest>()
  .layer(logged)
  .service(origin);
`,
  mapping: `
import { mapError, ServiceBuilder } from "@pagoda/core";
import { type HttpRequest, origin, type Refused } from "./layers.ts";
export const stack = new ServiceBuilder<HttpRequest>()
  .layer(mapError((error: Refused) => error._tag))
  .service(origin);
`,
  needy: `
import { ServiceBuilder, type Service } from "@pagoda/core";
import type { HttpRequest, HttpResponse, Routed } from "./layers.ts";
declare const routed: Service<HttpRequest & Routed, HttpResponse>;
export const stack = new ServiceBuilder<HttpRequest>()
  .service(routed);
`,
  ofNumbers: `
import { ServiceBuilder } from "@pagoda/core";
import { type HttpRequest, metrics, numbers } from "./layers.ts";
export const stack = new ServiceBuilder<HttpRequest>()
  .layer(metrics())
  .service(numbers);
`,
  outsideJson: `
import { ServiceBuilder } from "@pagoda/core";
import { type HttpRequest, json, metrics, origin } from "./layers.ts";
export const stack = new ServiceBuilder<HttpRequest>()
  .layer(metrics())
  .adapt(json(() => ({ id: 1 })))
  .service(origin);
`,
  outsideCache: `
import { ServiceBuilder } from "@pagoda/core";
import { cached, type HttpRequest, metrics, origin } from "./layers.ts";
export const stack = new ServiceBuilder<HttpRequest>()
  .layer(metrics())
  .layer(cached())
  .service(origin);
`,
  uncaught: `
import { mapError, ServiceBuilder } from "@pagoda/core";
import { type HttpRequest, origin, type Refused, timeout } from "./layers.ts";
export const stack = new ServiceBuilder<HttpRequest>()
  .adapt(mapError((error: Refused) => error._tag))
  .layer(timeout(1_000))
  .service(origin);
`,
  uncaughtByAdapter: `
import { mapError, ServiceBuilder } from "@pagoda/core";
import { type HttpRequest, json, origin, type Refused } from "./layers.ts";
export const stack = new ServiceBuilder<HttpRequest>()
  .adapt(mapError((error: Refused) => error._tag))
  .adapt(json(Number))
  .service(origin);
`,
  uncaughtOfService: `
import { mapError, ServiceBuilder } from "@pagoda/core";
import { type HttpRequest, origin, type TimedOut } from "./layers.ts";
export const stack = new ServiceBuilder<HttpRequest>()
  .adapt(mapError((error: TimedOut) => error._tag))
  .service(origin);
`,
  anotherRequest: `
import { ServiceBuilder } from "@pagoda/core";
import { type HttpRequest, origin, url } from "./layers.ts";
export const stack = new ServiceBuilder<HttpRequest>()
  .adapt(url())
  .service(origin);
`,
  layerToAdapt: `
import { ServiceBuilder } from "@pagoda/core";
import { type HttpRequest, origin, timeout } from "./layers.ts";
export const stack = new ServiceBuilder<HttpRequest>()
  .adapt(timeout(1_000))
  .service(origin);
`,
  plainToAdapt: `
import { type Service, ServiceBuilder } from "@pagoda/core";
import { type HttpRequest, origin } from "./layers.ts";
function logged<Req, Res, Err>(inner: Service<Req, Res, Err>): Service<Req, Res, Err> {
  return inner;
}
export const stack = new ServiceBuilder<HttpRequest>()
  .adapt(logged)
  .service(origin);
`,
  notALayer: `
import { mapRequest, ServiceBuilder } from "@pagoda/core";
import { type HttpRequest } from "./layers.ts";
export const stack = new ServiceBuilder<string>()
  .adapt(mapRequest((path): HttpRequest => ({ method: "GET", path })))
  .asLayer();
`,
  policyOfRequests: `
import { policy } from "@pagoda/core";
import { router, timeout } from "./layers.ts";
export const routed = policy(
  timeout(1_000),
  router(),
);
`,
};
