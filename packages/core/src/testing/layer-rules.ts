import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import type { Either } from "fp-ts/lib/Either.js";
import type { Fault } from "../fault.ts";
import type { Random } from "../random.ts";
import type { Service } from "../service.ts";
import { type VirtualClock, virtualClock } from "./clock.ts";
import { type Mock, mockService } from "./mock.ts";
import type { Changes } from "./passed.ts";
import { seededRandom } from "./random.ts";
import { runRule } from "./rule.ts";
import { settled } from "./settled.ts";

/** Time and chance for the layer under test; the suite watches that nothing is left on the clock. */
export interface Kit {
  readonly clock: VirtualClock;
  readonly random: Random;
}

/** How a runner takes a test: vitest's `test`, `node:test`'s, mocha's `it`. */
export type DefineTest = (name: string, run: () => Promise<void>) => unknown;

/** The layer's types do not matter to the suite: it gives the samples and compares what comes out. */
// oxlint-disable-next-line no-explicit-any
export type LayerUnderTest = (inner: Service<any, any, any>) => Service<any, any, any>;

export interface Samples<Req, Res> {
  /** A fresh request that the layer lets through. Default: a string. */
  readonly request?: () => Req;
  /** A fresh response of inner. Default: a string. */
  readonly response?: () => Res;
  /** Default `inner`: not ready while inner is not. `always`: the layer takes calls for an inner that is not ready. */
  readonly ready?: "inner" | "always";
  /** What the layer replaces on the way in and out: properties, such as `headers`, or `all`. Default: nothing. */
  readonly changes?: { readonly request?: Changes; readonly response?: Changes };
  /** `library`: the layer's library may set system timers. Default: only the clock's timers may be set. */
  readonly systemTimers?: "none" | "library";
}

/** The error that inner fails with in the rules. */
export interface InnerFailed extends Fault<"InnerFailed"> {}

/** What a rule works with: a fresh layer around a mock, and a caller with a signal. */
export interface Bench<Req, Res> extends Kit {
  readonly mock: Mock<Req, Res, InnerFailed>;
  readonly layered: Service<Req, Res, unknown>;
  readonly controller: AbortController;
  readonly signal: AbortSignal;
  call(): Promise<Either<unknown, Res>>;
  /** Around another inner, with the same clock. */
  wrap(inner: Service<Req, Res, unknown>): Service<Req, Res, unknown>;
}

/** Defines one rule, which runs on a bench of its own. */
export type Rule<Req, Res> = (name: string, run: (bench: Bench<Req, Res>) => Promise<void>) => void;

/**
 * How a suite for layers defines its rules. Each runs on a fresh layer, in virtual time, and fails if the layer leaves
 * anything behind. Use it for a suite that adds rules to {@link conformance}, such as that of a protocol.
 */
export function layerRules<Req = string, Res = string>(
  test: DefineTest,
  makeLayer: (kit: Kit) => LayerUnderTest,
  samples: Samples<Req, Res> = {},
): Rule<Req, Res> {
  const request = samples.request ?? (() => "request" as Req);

  return (name, run) => {
    const rule = `conformance: ${name}`;
    const runOnce = async (): Promise<void> => {
      const kit: Kit = { clock: virtualClock(), random: seededRandom(1) };
      const mock = mockService<Req, Res, InnerFailed>();
      const wrap = (inner: Service<Req, Res, unknown>): Service<Req, Res, unknown> => makeLayer(kit)(inner);
      const layered = wrap(mock.service);
      const controller = new AbortController();
      const { signal } = controller;
      const call = (): Promise<Either<unknown, Res>> => layered.call(request(), signal);
      await run({ ...kit, mock, layered, controller, signal, call, wrap });
      await settled();
      assert.equal(mock.inFlight, 0, "calls of inner are still under way");
      assert.equal(mock.uninvited, 0, "inner was called although it was not ready");
      assert.equal(kit.clock.pending, 0, "timers are left on the clock");
      assert.equal(getEventListeners(signal, "abort").length, 0, "listeners are left on the caller's signal");
    };
    test(rule, () => runRule(rule, runOnce, samples.systemTimers));
  };
}
