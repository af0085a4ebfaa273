import assert from "node:assert/strict";
import { expect, test } from "vitest";
import { compile, compilers } from "./compile.ts";

const before = `
import { ServiceBuilder } from "@pagoda/core";
import {
  cached, type HttpRequest, metrics, origin, rateLimit, respond, retry, router, serve, timeout,
} from "./layers.ts";
`;

const stack = `
const stack = new ServiceBuilder<HttpRequest>()
  .layer(metrics())
  .layer(respond({ NoRoute: 404, RateLimited: 429 }))
  .layer(respond({ Refused: 502, TimedOut: 504 }))
  .layer(timeout(30_000))
  .layer(rateLimit({ key: (request) => request.path }))
  .layer(metrics())
  .layer(router())
  .layer(rateLimit({ key: (request) => request.route }))
  .layer(retry())
  .layer(timeout(1_000))
  .layer(metrics())
  .layer(retry())
  .service(origin);
serve(stack);
`;

/**
 * 1,411 with TypeScript 7.0, 1,340 with 5.9: room for a new compiler release, not for a mistake.
 */
const budget = 1_580;

test.each(compilers)(
  "a stack of twelve layers stays within its budget of type instantiations (%s)",
  (compiler) => {
    const without = compile("budget-without", { program: `${before}export {};\n` }, compiler);
    const withStack = compile("budget-with", { program: `${before}${stack}export {};\n` }, compiler);
    expect(withStack.complaints["program"]).toEqual([]);
    const used = withStack.instantiations - without.instantiations;
    const measured = `${used} instantiations for twelve layers (${without.instantiations} without them)`;
    assert.ok(used > 0 && used <= budget, `${measured}, the budget is ${budget}`);
  },
);
