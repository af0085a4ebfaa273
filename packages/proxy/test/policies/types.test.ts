import type { BufferFull } from "@pagoda/buffer";
import { type ErrorOf, type Service, ServiceBuilder } from "@pagoda/core";
import type { FromClient, HttpRequest, HttpResponse, Identified } from "@pagoda/http";
import { respond } from "@pagoda/respond";
import type { Routed } from "@pagoda/router";
import { expectTypeOf, test } from "vitest";
import type { answersBy } from "../../src/policies/answers.ts";
import type { PolicyRegistry } from "../../src/policies/registry.ts";
import type { StackLayer } from "../../src/policies/stack.ts";

type Request = HttpRequest & Identified & FromClient;
declare const route: StackLayer<PolicyRegistry["route"]>;
declare const answers: ReturnType<typeof answersBy>;
declare const leaf: Service<Request & Routed, HttpResponse>;

// Only the types are of interest: nothing here runs.
function stacks() {
  const { BufferFull: _, ...others } = answers;
  return {
    answered: new ServiceBuilder<Request & Routed>().layer(respond(answers)).layer(route).service(leaf),
    unanswered: new ServiceBuilder<Request & Routed>().layer(respond(others)).layer(route).service(leaf),
    // @ts-expect-error rules of a route may name routes, which outside of the router are not known
    misplaced: new ServiceBuilder<Request>().layer(route),
  };
}

test("the errors of policies are part of the stack, and none is left where each is answered", () => {
  type Stacks = ReturnType<typeof stacks>;
  expectTypeOf<ErrorOf<Stacks["answered"]>>().toEqualTypeOf<never>();
  expectTypeOf<ErrorOf<Stacks["unanswered"]>>().toEqualTypeOf<BufferFull>();
});
