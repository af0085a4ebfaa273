import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { isRight, left } from "../either.ts";
import type { Description } from "../description.ts";
import type { Random } from "../random.ts";
import { oneshot } from "../oneshot.ts";
import { whenReady } from "../readiness.ts";
import { deadlineOf, Scope } from "../scope.ts";
import { service } from "../service.ts";
import { assertDescribed } from "./description.ts";
import {
  type DefineTest,
  type Kit,
  type LayerUnderTest,
  layerRules,
  type InnerFailed,
  type Samples,
} from "./layer-rules.ts";
import { ownRules } from "./own-rules.ts";
import { assertPassed } from "./passed.ts";
import { settled } from "./settled.ts";
import { abortListeners } from "./abort-listeners.ts";

const failed: InnerFailed = { _tag: "InnerFailed", origin: "upstream", retryable: false };

/**
 * Checks the rules that every layer must follow. One line in a layer's tests runs all of them:
 *
 * @example conformance(test, ({ clock }) => timeout({ ms: 100, clock }));
 *
 * @param makeLayer Makes a new layer that lets the sample request through at once, and ends those
 * that are `refused` or `answered` itself.
 */
export function conformance<Req = string, Res = string>(
  test: DefineTest,
  makeLayer: (kit: Kit) => LayerUnderTest,
  samples: Samples<Req, Res> = {},
): void {
  const request = samples.request ?? (() => "request" as Req);
  const response = samples.response ?? (() => "response" as Res);

  const check = layerRules(test, makeLayer, samples);

  check("returns inner's response", async ({ mock, call }) => {
    const result = call();
    (await mock.next()).answer(response());
    assert.ok(isRight(await result), "inner answered, but the layer did not");
  });

  check("passes the request on unchanged", async ({ mock, layered, signal }) => {
    const sent = request();
    const result = layered.call(sent, signal);
    const inner = await mock.next();
    inner.answer(response());
    await result;
    assertPassed(sent, inner.request, samples.changes?.request ?? [], "the request");
  });

  check("returns the response unchanged", async ({ mock, call }) => {
    const result = call();
    const answer = response();
    (await mock.next()).answer(answer);
    const given = await result;
    if (isRight(given)) assertPassed(answer, given.right, samples.changes?.response ?? [], "the response");
  });

  check("returns inner's error as a value", async ({ mock, call }) => {
    const result = call();
    (await mock.next()).fail(failed);
    assert.match((await result)._tag, /^(Left|Right)$/);
  });

  check("rejects with inner's defect", async ({ mock, call }) => {
    const result = call();
    const defect = new Error("inner's defect");
    (await mock.next()).reject(defect);
    await assert.rejects(result, (error) => error === defect);
  });

  check("rejects with what inner throws, and keeps nothing", async ({ mock, wrap, signal }) => {
    const defect = new Error("thrown by inner");
    let throws = true;
    const layered = wrap(service("throwing", throwing, { ready: () => mock.service.ready() }));
    function throwing(sent: Req, innerSignal?: AbortSignal): ReturnType<typeof mock.service.call> {
      if (throws) throw defect;
      return mock.service.call(sent, innerSignal);
    }
    // Enough to use up a limit that is not given back.
    for (let n = 0; n < 20; n++) {
      await assert.rejects(layered.call(request(), signal), (error) => error === defect);
    }
    throws = false;
    const result = layered.call(request(), signal);
    (await mock.next()).answer(response());
    assert.ok(isRight(await result), "the call after the defects was not answered");
  });

  check("an abort reaches inner in the same tick", async ({ mock, call, controller }) => {
    const result = call();
    const { signal } = await mock.next();
    assert.ok(signal, "inner received no signal");
    controller.abort();
    assert.ok(signal.aborted, "inner's signal is not aborted in the tick of the caller's abort");
    await result;
  });

  check("the caller's deadline reaches inner", async ({ mock, layered, clock }) => {
    const scope = new Scope(undefined);
    scope.deadline = clock.now() + 10;
    const result = layered.call(request(), scope.signal);
    const inner = await mock.next();
    const deadline = deadlineOf(inner.signal);
    assert.ok(deadline !== undefined, "inner's signal has no deadline");
    assert.ok(deadline <= scope.deadline, "inner's deadline is later than the caller's");
    inner.answer(response());
    await result;
    assert.equal(abortListeners(scope.signal), 0, "listeners are left on the caller's signal");
  });

  check("a call whose signal is already aborted settles", async ({ controller, call }) => {
    controller.abort();
    await call();
  });

  check("an aborted call does not affect the next one", async ({ mock, call, controller, layered }) => {
    const result = call();
    const inner = await mock.next();
    controller.abort();
    await result;
    inner.answer(response());
    const next = layered.call(request());
    (await mock.next()).answer(response());
    assert.ok(isRight(await next), "the call after an aborted one was not answered");
  });

  check("concurrent calls do not affect each other", async ({ mock, call, layered }) => {
    const first = call();
    const other = new AbortController();
    const second = layered.call(request(), other.signal);
    const innerFirst = await mock.next();
    if (mock.calls.length > 1) await mock.next();
    other.abort();
    assert.ok(!innerFirst.signal?.aborted, "one call's abort reached another call");
    innerFirst.answer(response());
    assert.ok(isRight(await first), "one call's abort ended another call");
    await second;
    assert.equal(abortListeners(other.signal), 0, "listeners are left on a caller's signal");
  });

  check("readiness is honoured", async ({ mock, layered, signal }) => {
    assert.equal(layered.ready(), undefined, "a new layer around a ready service is not ready");
    mock.admit(0);
    if (samples.ready === "always") {
      assert.equal(layered.ready(), undefined, "the layer must always be ready");
      mock.admit(Infinity);
      return;
    }
    const called = whenReady(layered, () => layered.call(request(), signal), signal);
    await mock.expectNoCall();
    mock.admit(1);
    (await mock.next()).answer(response());
    assert.ok(isRight((await called) ?? left("never called")));
  });

  check("no wake-up is lost when waiters leave", async ({ mock, layered, random }) => {
    mock.admit(2);
    let done = 0;
    const rejected: unknown[] = [];
    const controllers = Array.from({ length: 60 }, () => {
      const controller = new AbortController();
      void oneshot(layered, request(), controller.signal).then(
        () => done++,
        (defect: unknown) => rejected.push(defect),
      );
      return controller;
    });
    for (let step = 0; step < 200; step++) {
      await settled();
      if (random() < 0.2) oneOf(controllers, random)?.abort();
      if (random() < 0.8) oneOf(mock.calls, random)?.answer(response());
    }
    // From here on every call is answered: a caller that still waits after this would wait forever.
    for (let step = 0; step < controllers.length; step++) {
      await settled();
      for (const call of mock.calls) call.answer(response());
    }
    await settled();
    assert.deepEqual(rejected, [], "an abort made a call reject");
    assert.equal(done, controllers.length, "callers still wait although inner is ready");
  });

  check("describes itself and its inner service", async ({ layered, mock }) => {
    assertDescribed(layered);
    assert.ok(
      standsAround(layered.describe(), mock.service.describe()),
      "inner is missing from the description",
    );
  });

  if (samples.refused !== undefined) ownRules(check, "refused", samples.refused);
  if (samples.answered !== undefined) ownRules(check, "answered", samples.answered);
}

/** A layer has inner directly inside; a balancer has it inside the node of an endpoint. */
function standsAround({ inner = [] }: Description, part: Description): boolean {
  return inner.some((each) => isDeepStrictEqual(each, part) || standsAround(each, part));
}

function oneOf<T>(list: readonly T[], random: Random): T | undefined {
  return list[Math.floor(random() * list.length)];
}
