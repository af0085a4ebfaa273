import { expect, test } from "vitest";
import { compile } from "./compile.ts";

/** The text of each type as an editor shows it, with no expansion and nothing that means nothing to the reader. */
function displayed(): Record<string, string> {
  const { complaints, declarations } = compile("display", {
    stacks: `
import { ServiceBuilder } from "@pagoda/core";
import { cached, origin, rateLimit, respond, retry, router, timeout } from "./layers.ts";
import type { HttpRequest } from "./layers.ts";
export const empty = new ServiceBuilder<HttpRequest>();
export const midway = empty.layer(respond({ TimedOut: 504 })).layer(timeout(1_000)).layer(router());
export const further = midway.layer(rateLimit({ key: (request) => request.route })).layer(retry()).layer(cached());
export const stack = further.service(origin);
export const asLayer = midway.asLayer();
export const around = timeout(1_000)(origin);
`,
  });
  expect(complaints["stacks"]).toEqual([]);
  const types = declarations["stacks"]?.matchAll(/^export declare const (\w+): (.*);$/gmu);
  return Object.fromEntries(
    // A declaration says where a type comes from, a hover text does not.
    [...(types ?? [])].map(([, name = "", type = ""]) => [
      name,
      type.replaceAll(/import\("[^"]+"\)\./gu, ""),
    ]),
  );
}

test("hover texts name the parts of a stack, not how they were computed", () => {
  expect(displayed()).toEqual({
    empty: "ServiceBuilder<HttpRequest, HttpRequest, never, never, Passes<never>, unknown, unknown>",
    midway:
      'ServiceBuilder<HttpRequest, HttpRequest & Routed, NoRoute, Fault<"TimedOut">, Passes<HttpResponse>, unknown, unknown>',
    further:
      'ServiceBuilder<HttpRequest, HttpRequest & Routed, NoRoute | RateLimited, Fault<"TimedOut">, Passes<"from the cache" | HttpResponse>, unknown, unknown>',
    stack: 'Service<HttpRequest, "from the cache" | HttpResponse, NoRoute | RateLimited | Refused>',
    asLayer: 'Layer<HttpRequest, HttpRequest & Routed, NoRoute, Fault<"TimedOut">, HttpResponse, unknown>',
    around: "Service<HttpRequest, HttpResponse, Refused | TimedOut>",
  });
});
