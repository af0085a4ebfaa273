import { describe, expect, test } from "vitest";
import { compile } from "./compile.ts";

// The compiler's messages for mistakes are part of the product: these are their texts and lines.
const imports = `
import { buffer } from "@pagoda/buffer";
import { circuitBreaker } from "@pagoda/circuit-breaker";
import { coalesce } from "@pagoda/coalesce";
import { concurrencyLimit } from "@pagoda/concurrency-limit";
import { right, type Service, ServiceBuilder } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { serve } from "@pagoda/http/server";
import { failfast } from "@pagoda/failfast";
import { fallback } from "@pagoda/fallback";
import { forwarded } from "@pagoda/forwarded";
import { hedge } from "@pagoda/hedge";
import { loadShed } from "@pagoda/load-shed";
import { byClient, rateLimit } from "@pagoda/rate-limit";
import { replay } from "@pagoda/replay";
import { respond } from "@pagoda/respond";
import { retry } from "@pagoda/retry";
import { timeout } from "@pagoda/timeout";
declare const origin: Service<HttpRequest, HttpResponse>;
const answer = { status: 503, message: "not now" };
`;

const program = (body: string): readonly string[] => compile(imports + body).complaints;

describe("retry needs a request that can be replayed", () => {
  test("and compiles inside replay", () => {
    expect(program("new ServiceBuilder<HttpRequest>().layer(replay()).layer(retry());")).toEqual([]);
  });

  test.each(["retry", "hedge"])("%s outside replay is a compile error on its line", (name) => {
    const [complaint, ...more] = program(`
new ServiceBuilder<HttpRequest>()
  .layer(${name}())
  .layer(replay());
`);
    expect(more).toEqual([]);
    expect(complaint).toMatch(new RegExp(`^\\.layer\\(${name}\\(\\)\\) => `));
    expect(complaint).toContain(
      "Property 'replay' is missing in type 'HttpRequest' but required in type 'Replayable'.",
    );
  });
});

describe("a limit for each client needs to know the client", () => {
  const keyed = "rateLimit({ keyed: { perSecond: 1, key: byClient } })";

  test("and compiles inside forwarded", () => {
    expect(program(`new ServiceBuilder<HttpRequest>().layer(forwarded()).layer(${keyed});`)).toEqual([]);
  });

  test("outside forwarded is a compile error on its line", () => {
    const [complaint, ...more] = program(`
new ServiceBuilder<HttpRequest>()
  .layer(${keyed})
  .layer(forwarded());
`);
    expect(more).toEqual([]);
    expect(complaint?.startsWith(`.layer(${keyed}) => `)).toBe(true);
    expect(complaint).toContain(
      "Property 'client' is missing in type 'HttpRequest' but required in type 'FromClient'.",
    );
  });

  test("a custom key sees the builder's request type", () => {
    const own = "rateLimit({ keyed: { perSecond: 1, key: ({ path }) => path } })";
    expect(program(`new ServiceBuilder<HttpRequest>().layer(${own});`)).toEqual([]);
  });
});

describe("fallback and respond subtract errors", () => {
  const served = (layers: string): readonly string[] =>
    program(`
const stack = new ServiceBuilder<HttpRequest>()
  .layer(forwarded())
${layers}
  .service(origin);
serve(stack);
`);

  test("errors that they handle are answered", () => {
    const layers = `
  .layer(respond({ TimedOut: answer, CircuitOpen: answer }))
  .layer(fallback({ Overloaded: () => right(null as unknown as HttpResponse) }))
  .layer(timeout({ ms: 1 }))
  .layer(loadShed())
  .layer(circuitBreaker())`;
    expect(served(layers)).toEqual([]);
  });

  test.each([
    ["TimedOut", "  .layer(timeout({ ms: 1 }))\n  .layer(respond({ TimedOut: answer }))"],
    [
      "Overloaded",
      "  .layer(loadShed())\n  .layer(fallback({ Overloaded: () => right({} as HttpResponse) }))",
    ],
    ["CircuitOpen", "  .layer(respond({ TimedOut: answer }))\n  .layer(circuitBreaker())"],
  ])(
    "%s, raised outside of what would end it or ended by nobody, stops the server from compiling",
    (tag, layers) => {
      const [complaint, ...more] = served(layers);
      expect(more).toEqual([]);
      expect(complaint).toMatch(/^serve\(stack\); => /);
      expect(complaint).toContain(`Type '${tag}' is not assignable to type 'never'.`);
    },
  );
});

test("a stack of twelve layers is inferred within the budget of type instantiations", () => {
  const empty = compile(imports).instantiations;
  const { complaints, instantiations } = compile(`${imports}
const stack = new ServiceBuilder<HttpRequest>()
  .layer(forwarded())
  .layer(respond({ TimedOut: answer, RateLimited: answer, Aborted: answer }))
  .layer(rateLimit({ global: { perSecond: 1 }, keyed: { perSecond: 1, key: byClient } }))
  .layer(loadShed())
  .layer(timeout({ ms: 1_000 }))
  .layer(coalesce({ key: ({ path }) => path }))
  .layer(replay())
  .layer(retry())
  .layer(hedge())
  .layer(failfast())
  .layer(buffer({ capacity: 10 }))
  .layer(concurrencyLimit({ limit: 10 }))
  .service(origin);
const exact: Service<HttpRequest, HttpResponse, infer_> = stack;
type infer_ = typeof stack extends Service<HttpRequest, HttpResponse, infer E> ? E : never;
const tags: "Overloaded" | "FailedFast" | "BufferFull" | "QueueTimedOut" | "ConcurrencyLimited" = null as unknown as infer_["_tag"];
`);
  expect(complaints).toEqual([]);
  expect(instantiations - empty).toBeLessThan(2_500);
});
