import type { BufferFull } from "@pagoda/buffer";
import { type ErrorOf, type Fault, type Layer, type Service, ServiceBuilder } from "@pagoda/core";
import type { FromClient, HttpRequest, HttpResponse, Identified } from "@pagoda/http";
import { respond } from "@pagoda/respond";
import type { Routed } from "@pagoda/router";
import type { ConnectFailed } from "@pagoda/transport";
import { expectTypeOf, test } from "vitest";
import type { answersBy } from "../../src/policies/answers.ts";
import { definePolicy, type Environment } from "../../src/policies/policy.ts";
import type { PolicyRegistry } from "../../src/policies/registry.ts";
import type { StackLayer } from "../../src/policies/stack.ts";
import type { Vocabulary } from "../../src/schema/vocabulary.ts";

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

interface Spent extends Fault<"Spent"> {
  readonly max: number;
}

declare const spending: Layer<HttpRequest & FromClient, unknown, Spent>;
declare const routed: Layer<Routed, unknown, Spent>;
declare const remembering: Layer<HttpRequest, unknown, never, never, HttpResponse>;
declare const handling: Layer<HttpRequest, unknown, Spent, ConnectFailed, HttpResponse, HttpResponse>;
declare const textual: Layer<HttpRequest, unknown, never, never, string>;
declare const dated: Layer<HttpRequest, unknown, never, never, never, HttpResponse & { readonly date: Date }>;

/** Definitions of policies. */
function definitions() {
  const common = { name: "own", schema: ({ whole }: Vocabulary) => whole(1, 9).optional() } as const;
  return [
    definePolicy({
      ...common,
      at: ["listener", "route", "cluster"],
      state: { boundTo: () => undefined, create: (max) => [max] },
      layer: (max, environment, kept) => {
        expectTypeOf(max).toEqualTypeOf<number>();
        expectTypeOf(kept).toEqualTypeOf<number[]>();
        expectTypeOf(environment).toExtend<Environment>();
        return spending;
      },
      // The type of the error is known.
      answers: { Spent: ({ max }) => ({ status: 429, message: `${max} calls spent` }) },
      grpc: { Spent: "RESOURCE_EXHAUSTED" },
    }),
    definePolicy({
      ...common,
      at: ["route"],
      layer: (_max, { cluster }) => (cluster("shop") === undefined ? undefined : routed),
      answers: { Spent: { status: 429, message: "spent" } },
    }),
    definePolicy({
      ...common,
      at: ["route"],
      layer: () => spending,
      // @ts-expect-error an error has no answer
      answers: {},
    }),
    definePolicy({
      ...common,
      at: ["route"],
      layer: () => spending,
      // @ts-expect-error the layer raises no such error
      answers: { Spent: { status: 429, message: "spent" }, Other: { status: 500, message: "other" } },
    }),
    definePolicy({
      ...common,
      at: ["route"],
      layer: () => spending,
      // @ts-expect-error an answer to another error
      answers: { Spent: ({ header }: { readonly header: string }) => ({ status: 429, message: header }) },
    }),
    definePolicy({
      ...common,
      at: ["route"],
      layer: () => spending,
      answers: { Spent: { status: 429, message: "spent" } },
      // @ts-expect-error the layer raises no such error
      grpc: { Other: "INTERNAL" },
    }),
    definePolicy({
      ...common,
      at: ["listener", "route"],
      // @ts-expect-error requests have no route on a listener
      layer: () => routed,
      answers: { Spent: { status: 429, message: "spent" } },
    }),
    definePolicy({
      ...common,
      at: ["cluster", "route"],
      // @ts-expect-error around a cluster there is no other one
      layer: (_max, { cluster }) => cluster("shop") && spending,
      answers: { Spent: { status: 429, message: "spent" } },
    }),
    // Responds by itself.
    definePolicy({
      ...common,
      at: ["listener", "route", "cluster", "endpoint"],
      layer: () => remembering,
      answers: {},
    }),
    // Handles an error of others, which is not its own to answer.
    definePolicy({
      ...common,
      at: ["listener", "route", "cluster", "endpoint"],
      layer: () => handling,
      answers: { Spent: { status: 429, message: "spent" } },
    }),
    definePolicy({
      ...common,
      at: ["route"],
      // @ts-expect-error responses of the proxy are HttpResponse
      layer: () => textual,
      answers: {},
    }),
    definePolicy({
      ...common,
      at: ["route"],
      // @ts-expect-error responses have no date
      layer: () => dated,
      answers: {},
    }),
    // @ts-expect-error unknown place
    definePolicy({ ...common, at: ["rout"], layer: () => undefined, answers: {} }),
  ];
}

test("a policy is checked where it is defined", () => {
  expectTypeOf(definitions).returns.toBeArray();
});
