import { describe, expect, test } from "vitest";
import { compile } from "./compile.ts";

// What the compiler says to those who make a mistake is part of the product: these are its words, and its line.
const { complaints } = compile("messages", {
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
import { layer } from "@pagoda/core";
import { left } from "fp-ts/lib/Either.js";
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
});

function only(name: string): { readonly line: string; readonly message: readonly string[] } {
  expect(complaints[name]).toHaveLength(1);
  const { line = "", message = "" } = complaints[name]?.[0] ?? {};
  return { line, message: message.split("\n").map((each) => each.trim()) };
}

describe("the compiler's words", () => {
  test("a layer in the wrong place: what is missing, on that layer's line", () => {
    expect(only("misplaced")).toEqual({
      line: ".layer(retry())",
      message: [
        "Argument of type 'Layer<Routed, unknown, never, never, never, unknown>' is not assignable to parameter of type 'AnyLayer<HttpRequest, unknown, unknown> | Layer<HttpRequest, unknown, never, never, never, unknown>'.",
        "Type 'Layer<Routed, unknown, never, never, never, unknown>' is not assignable to type 'AnyLayer<HttpRequest, unknown, unknown>'.",
        "Property 'route' is missing in type 'HttpRequest' but required in type 'Routed'.",
      ],
    });
  });

  test("an error that nobody answers: its name, where the stack is served", () => {
    expect(only("forgotten")).toEqual({
      line: "serve(stack);",
      message: [
        "Argument of type 'Service<HttpRequest, HttpResponse, RateLimited>' is not assignable to parameter of type 'Service<HttpRequest, HttpResponse, never>'.",
        "Type 'RateLimited' is not assignable to type 'never'.",
      ],
    });
  });

  test("an error raised outside its handler: its name, where the stack is served", () => {
    const { line, message } = only("outside");
    expect([line, message.at(-1)]).toEqual([
      "serve(stack);",
      "Type 'TimedOut' is not assignable to type 'never'.",
    ]);
  });

  test("a handler that lets through what it declares handled: which error, on the line of its call", () => {
    const { line, message } = only("handler");
    expect(line).toBe("call: (request, signal) => inner.call(request, signal),");
    expect(message[0]).toBe(
      "Type 'Promise<Either<Err | TimedOut, Res>>' is not assignable to type 'Promise<Either<Err, string | Res>>'.",
    );
    expect(message).toContain("Type 'Err | TimedOut' is not assignable to type 'Err'.");
  });

  test("a layer that raises what it does not declare: which error, on the line of its call", () => {
    const { line, message } = only("raiser");
    expect(line).toBe("call: () => Promise.resolve(left(timedOut)),");
    expect(message).toContain("Type 'TimedOut' is not assignable to type 'Err'.");
  });

  // Defect: both were accepted, and the errors of the whole stack became `unknown` or vanished.
  test.each([
    ["plain", ".layer(logged)"],
    ["mapping", ".layer(mapError((error: Refused) => error._tag))"],
  ])("what is not a layer (%s): what to do instead, on its line", (name, expected) => {
    const { line, message } = only(name);
    expect(line).toBe(expected);
    expect(message.at(-1)).toMatch(
      /^Property '"~layer: adapters go into adapt\(\); make layers with layer\(name, perService\)"' is missing in type/u,
    );
  });

  test("a service that needs what no layer added: what is missing, on its line", () => {
    const { line, message } = only("needy");
    expect(line).toBe(".service(routed);");
    expect(message.at(-1)).toBe(
      "Property 'route' is missing in type 'HttpRequest' but required in type 'Routed'.",
    );
  });
});
