import { expect, test } from "vitest";
import { compile, type Compiler, compilers } from "./compile.ts";
import { inOrder } from "./in-order.ts";

/** Each type as an editor shows it, without expansions and internals. */
function displayed(compiler: Compiler): Record<string, string> {
  const stacks = `
import { mapError, mapRequest, mapResponse, policy, ServiceBuilder } from "@pagoda/core";
import { cached, json, metrics, origin, rateLimit, respond, retry, router, timeout, url } from "./layers.ts";
import type { Layer } from "@pagoda/core";
import type { HttpRequest, RateLimited, Refused } from "./layers.ts";
declare const refused: Refused;
declare function limit(): Layer<unknown, unknown, RateLimited>;
export const empty = new ServiceBuilder<HttpRequest>();
export const midway = empty.layer(respond({ TimedOut: 504 })).layer(timeout(1_000)).layer(router());
export const further = midway.layer(rateLimit({ key: (request) => request.route })).layer(retry()).layer(cached());
export const stack = further.service(origin);
export const asLayer = midway.asLayer();
export const around = timeout(1_000)(origin);
export const twelve = empty
  .layer(metrics())
  .layer(respond({ NoRoute: 404, RateLimited: 429 }))
  .layer(respond({ Refused: 502 }))
  .layer(timeout(30_000))
  .layer(rateLimit({ key: (request) => request.path }))
  .layer(metrics())
  .layer(router())
  .layer(rateLimit({ key: (request) => request.route }))
  .layer(retry())
  .layer(timeout(1_000))
  .layer(metrics())
  .layer(retry());
export const served = twelve.service(origin);
export const client = new ServiceBuilder<string>().layer(timeout(1)).adapt(json((value) => Number(value)));
export const adapted = client.adapt(url()).layer(metrics()).service(origin);
export const asAdapter = client.adapt(url()).layer(router()).asAdapter();
export const replaced = mapRequest((request: HttpRequest) => request.path);
export const changed = mapResponse((length: number) => String(length));
export const policies = policy(respond({ TimedOut: 504 }), timeout(1), limit());
export const executed = policies.onThrow((): Refused => refused).execute(() => 1);
export const caught = empty.adapt(mapError((error: Refused) => error._tag)).layer(respond({ TimedOut: 504 }));
`;
  const { complaints, declarations } = compile("display", { stacks }, compiler);
  expect(complaints["stacks"]).toEqual([]);
  const types = declarations["stacks"]?.matchAll(/^export declare const (\w+): (.*);$/gmu);
  return Object.fromEntries(
    // A declaration names the module of a type, a hover text does not.
    [...(types ?? [])].map(([, name = "", type = ""]) => [
      name,
      inOrder(type.replaceAll(/import\("[^"]+"\)\./gu, "")),
    ]),
  );
}

test.each(compilers)(
  "hover texts name the parts of a stack, not the types that computed them (%s)",
  (compiler) => {
    expect(displayed(compiler)).toEqual({
      empty: "ServiceBuilder<HttpRequest, HttpRequest, never, never, Passes<never>, unknown, unknown>",
      midway:
        'ServiceBuilder<HttpRequest, HttpRequest & Routed, NoRoute, Fault<"TimedOut">, Passes<HttpResponse>, unknown, unknown>',
      further:
        'ServiceBuilder<HttpRequest, HttpRequest & Routed, NoRoute | RateLimited, Fault<"TimedOut">, Passes<"from the cache" | HttpResponse>, unknown, unknown>',
      stack: 'Service<HttpRequest, "from the cache" | HttpResponse, NoRoute | RateLimited | Refused>',
      twelve:
        'ServiceBuilder<HttpRequest, HttpRequest & Routed, TimedOut, Fault<"NoRoute" | "RateLimited"> | Fault<"Refused">, Passes<HttpResponse>, HttpResponse, unknown>',
      served: "Service<HttpRequest, HttpResponse, TimedOut>",
      client: "ServiceBuilder<string, string, BadBody | TimedOut, never, number, HttpResponse, unknown>",
      adapted: "Service<string, number, BadBody | Refused | TimedOut>",
      asAdapter:
        "Adapter<string, HttpRequest & Routed, HttpResponse, number, BadBody | NoRoute | TimedOut, never, unknown>",
      replaced: "Adapter<HttpRequest, string, unknown, Passes<never>, never, never, unknown>",
      changed: "Adapter<unknown, Passes<unknown>, number, string, never, never, unknown>",
      policies: 'Policy<Aborted | RateLimited, Fault<"TimedOut">, HttpResponse, unknown>',
      executed: "Promise<Either<Aborted | RateLimited | Refused, HttpResponse | number>>",
      caught:
        'ServiceBuilder<HttpRequest, HttpRequest, "Refused", unknown, Passes<HttpResponse>, unknown, Fault<"TimedOut"> | Refused>',
      asLayer: 'Layer<HttpRequest, Routed, NoRoute, Fault<"TimedOut">, HttpResponse, unknown>',
      around: "Service<HttpRequest, HttpResponse, Refused | TimedOut>",
    });
  },
);
