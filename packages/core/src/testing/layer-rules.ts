import assert from "node:assert/strict";
import type { Either } from "../either.ts";
import type { Fault } from "../fault.ts";
import type { Random } from "../random.ts";
import type { Service } from "../service.ts";
import { type VirtualClock, virtualClock } from "./clock.ts";
import { type Mock, mockService } from "./mock.ts";
import type { Changes } from "./passed.ts";
import { seededRandom } from "./random.ts";
import { runRule } from "./rule.ts";
import { settled } from "./settled.ts";
import { abortListeners } from "./abort-listeners.ts";

/**
 * Clock and random numbers for the layer under test; the suite checks that no timer is left on the
 * clock.
 */
export interface Kit {
  readonly clock: VirtualClock;
  readonly random: Random;
}

/** Defines a test with a runner: `test` of vitest or `node:test`, `it` of mocha. */
export type DefineTest = (name: string, run: () => Promise<void>) => unknown;

/**
 * The suite does not depend on the layer's types: it passes the samples in and compares what comes
 * out.
 */
// oxlint-disable-next-line no-explicit-any
export type LayerUnderTest = (inner: Service<any, any, any>) => Service<any, any, any>;

export interface Samples<Req, Res> {
  /** Makes a request that the layer lets through. Default: a string. */
  readonly request?: () => Req;
  /** Makes a request that a new layer refuses without calling inner. Default: it refuses none. */
  readonly refused?: () => Req;
  /** Makes a request that a new layer answers without calling inner. Default: it answers none. */
  readonly answered?: () => Req;
  /** Makes a response of inner. Default: a string. */
  readonly response?: () => Res;
  /**
   * `inner` (default): not ready while inner is not. `always`: the layer accepts calls while inner
   * is not ready.
   */
  readonly ready?: "inner" | "always";
  /**
   * What the layer replaces in requests and responses: properties, such as `headers`, or `all`.
   * Default: nothing.
   */
  readonly changes?: { readonly request?: Changes; readonly response?: Changes };
  /**
   * `library`: the layer's library may set system timers. Default: only timers of the clock are
   * allowed.
   */
  readonly systemTimers?: "none" | "library";
}

/** The error with which inner fails in the rules. */
export interface InnerFailed extends Fault<"InnerFailed"> {}

/** The fixture of a rule: a new layer around a mock, and a caller with a signal. */
export interface Bench<Req, Res> extends Kit {
  readonly mock: Mock<Req, Res, InnerFailed>;
  readonly layered: Service<Req, Res, unknown>;
  readonly controller: AbortController;
  readonly signal: AbortSignal;
  call(): Promise<Either<unknown, Res>>;
  /** Wraps another inner service, with the same clock. */
  wrap(inner: Service<Req, Res, unknown>): Service<Req, Res, unknown>;
}

/** Defines one rule, which runs on its own bench. */
export type Rule<Req, Res> = (name: string, run: (bench: Bench<Req, Res>) => Promise<void>) => void;

/**
 * Defines the rules of a suite for layers. Each rule runs on a new layer, in virtual time, and
 * fails if the layer leaves anything behind. Use it for a suite that adds rules to
 * {@link conformance}, such as that of a protocol.
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
      assert.equal(mock.inFlight, 0, "calls to inner are still in flight");
      assert.equal(mock.uninvited, 0, "inner was called although it was not ready");
      assert.equal(kit.clock.pending, 0, "timers are left on the clock");
      assert.equal(abortListeners(signal), 0, "listeners are left on the caller's signal");
    };
    test(rule, () => runRule(rule, runOnce, samples.systemTimers));
  };
}
