import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { isDeepStrictEqual } from "node:util";
import { type Either, isRight, left, right } from "fp-ts/lib/Either.js";
import type { Description } from "../description.ts";
import type { Fault } from "../fault.ts";
import type { Body } from "../http/index.ts";
import type { Random } from "../random.ts";
import { oneshot, whenReady } from "../readiness.ts";
import { deadlineOf, Scope } from "../scope.ts";
import type { Service } from "../service.ts";
import { type VirtualClock, virtualClock } from "./clock.ts";
import { assertDescribed } from "./description.ts";
import {
  assertPassed,
  assertWhole,
  bodyOfMessage,
  type Changes,
  requestsWith,
  responsesWith,
  watchedBody,
} from "./messages.ts";
import { type Mock, mockService } from "./mock.ts";
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
type LayerUnderTest = (inner: Service<any, any, any>) => Service<any, any, any>;

export interface Samples<Req, Res> {
  /** A fresh request that the layer lets through. Default: a string, and an HTTP request in rules about bodies. */
  readonly request?: () => Req;
  /** A fresh response of inner. Default: a string, and an HTTP response in rules about bodies. */
  readonly response?: () => Res;
  /** Default `inner`: not ready while inner is not. `always`: the layer takes calls for an inner that is not ready. */
  readonly ready?: "inner" | "always";
  /** What the layer replaces on the way in and out: properties, such as `headers`, or `all`. Default: nothing. */
  readonly changes?: { readonly request?: Changes; readonly response?: Changes };
  /** `library`: the layer's library may set system timers. Default: only the clock's timers may be set. */
  readonly systemTimers?: "none" | "library";
}

interface Sample extends Fault<"Sample"> {}
const sample: Sample = { _tag: "Sample", origin: "upstream", retryable: false };

interface Bench<Req, Res> extends Kit {
  readonly mock: Mock<Req, Res, Sample>;
  readonly layered: Service<Req, Res, unknown>;
  readonly controller: AbortController;
  readonly signal: AbortSignal;
  call(): Promise<Either<unknown, Res>>;
  /** Around another inner, with the same clock. */
  wrap(inner: Service<Req, Res, unknown>): Service<Req, Res, unknown>;
}

/**
 * What every layer must do, whatever it is for. One line in a layer's tests runs it all:
 *
 * @example conformance(test, ({ clock }) => timeout({ ms: 100, clock }));
 *
 * @param makeLayer Makes a fresh layer that lets the sample request through at once.
 */
export function conformance<Req = string, Res = string>(
  test: DefineTest,
  makeLayer: (kit: Kit) => LayerUnderTest,
  samples: Samples<Req, Res> = {},
): void {
  const request = samples.request ?? (() => "request" as Req);
  const response = samples.response ?? (() => "response" as Res);

  /** Runs a check on a fresh layer, and sees that it left nothing behind. */
  function check(name: string, run: (bench: Bench<Req, Res>) => Promise<void>): void {
    const rule = `conformance: ${name}`;
    const runOnce = async (): Promise<void> => {
      const kit: Kit = { clock: virtualClock(), random: seededRandom(1) };
      const mock = mockService<Req, Res, Sample>();
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
  }

  check("gives the response of inner", async ({ mock, call }) => {
    const result = call();
    (await mock.next()).answer(response());
    assert.ok(isRight(await result), "inner answered, the layer did not");
  });

  check("passes the request on as it came", async ({ mock, layered, signal }) => {
    const sent = request();
    const result = layered.call(sent, signal);
    const inner = await mock.next();
    inner.answer(response());
    await result;
    assertPassed(sent, inner.request, samples.changes?.request ?? [], "the request");
  });

  check("gives the response as it came", async ({ mock, call }) => {
    const result = call();
    const answer = response();
    (await mock.next()).answer(answer);
    const given = await result;
    if (isRight(given)) assertPassed(answer, given.right, samples.changes?.response ?? [], "the response");
  });

  checkBodies(check, requestsWith(samples.request), responsesWith(samples.response), request, response);

  check("an error of inner comes out as a value", async ({ mock, call }) => {
    const result = call();
    (await mock.next()).fail(sample);
    assert.match((await result)._tag, /^(Left|Right)$/);
  });

  check("a defect of inner comes out as a rejection", async ({ mock, call }) => {
    const result = call();
    const defect = new Error("a defect of inner");
    (await mock.next()).reject(defect);
    await assert.rejects(result, (error) => error === defect);
  });

  check("an abort reaches inner in the same tick", async ({ mock, call, controller }) => {
    const result = call();
    const { signal } = await mock.next();
    assert.ok(signal, "inner got no signal");
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
    assert.ok(deadline !== undefined, "inner's signal has lost the deadline");
    assert.ok(deadline <= scope.deadline, "inner's deadline is later than the caller's");
    inner.answer(response());
    await result;
    assert.equal(
      getEventListeners(scope.signal, "abort").length,
      0,
      "listeners are left on the caller's signal",
    );
  });

  check("a call that is aborted already settles", async ({ controller, call }) => {
    controller.abort();
    await call();
  });

  check("an aborted call leaves the next one alone", async ({ mock, call, controller, layered }) => {
    const result = call();
    const inner = await mock.next();
    controller.abort();
    await result;
    inner.answer(response());
    const next = layered.call(request());
    (await mock.next()).answer(response());
    assert.ok(isRight(await next), "the call after an aborted one is not answered");
  });

  check("calls at the same time do not disturb each other", async ({ mock, call, layered }) => {
    const first = call();
    const other = new AbortController();
    const second = layered.call(request(), other.signal);
    const innerFirst = await mock.next();
    if (mock.calls.length > 1) await mock.next();
    other.abort();
    assert.ok(!innerFirst.signal?.aborted, "the abort of one call reached another");
    innerFirst.answer(response());
    assert.ok(isRight(await first), "the abort of one call ended another");
    await second;
    assert.equal(
      getEventListeners(other.signal, "abort").length,
      0,
      "listeners are left on a caller's signal",
    );
  });

  check("readiness is honoured", async ({ mock, layered, signal }) => {
    assert.equal(layered.ready(), undefined, "a fresh layer around a ready service is not ready");
    mock.admit(0);
    if (samples.ready === "always") {
      assert.equal(layered.ready(), undefined, "the layer is said to be ready always");
      mock.admit(Infinity);
      return;
    }
    const called = whenReady(layered, () => layered.call(request(), signal), signal);
    await mock.expectNoCall();
    mock.admit(1);
    (await mock.next()).answer(response());
    assert.ok(isRight((await called) ?? left("never called")));
  });

  check("no wake-up is lost, whoever leaves", async ({ mock, layered, random }) => {
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
    // From here on every call is answered: whoever still waits after this waits for ever.
    for (let step = 0; step < controllers.length; step++) {
      await settled();
      for (const call of mock.calls) call.answer(response());
    }
    await settled();
    assert.deepEqual(rejected, [], "an abort made a call reject");
    assert.equal(done, controllers.length, "callers wait although inner is ready");
  });

  check("describes itself and what it stands around", async ({ layered, mock }) => {
    assertDescribed(layered);
    assert.ok(
      standsAround(layered.describe(), mock.service.describe()),
      "inner is missing from the description",
    );
  });
}

type Check<Req, Res> = (name: string, run: (bench: Bench<Req, Res>) => Promise<void>) => void;

/** A body that is neither passed on nor cancelled keeps its connection for ever. */
function checkBodies<Req, Res>(
  check: Check<Req, Res>,
  requestWith: ((body: Body) => Req) | undefined,
  responseWith: ((body: Body) => Res) | undefined,
  request: () => Req,
  response: () => Res,
): void {
  if (requestWith !== undefined) {
    check("the body of a request reaches inner, and is freed when inner does not want it", async (bench) => {
      const { mock, layered, signal } = bench;
      for (const isRead of [true, false]) {
        const { body, ended } = watchedBody();
        const result = layered.call(requestWith(body), signal);
        const inner = await mock.next();
        if (isRead) await assertWhole(inner.request, "the request");
        else bodyOfMessage(inner.request)?.cancel();
        inner.answer(response());
        await result;
        assert.ok(isRead ? ended() === true : ended() !== undefined, "the request's own body was dropped");
      }
    });
  }
  if (responseWith === undefined) return;

  check(
    "the body of a response reaches the caller, and is freed when the caller does not want it",
    async (bench) => {
      for (const isRead of [true, false]) {
        const { body, ended } = watchedBody();
        const result = bench.call();
        (await bench.mock.next()).answer(responseWith(body));
        const given = await result;
        if (isRight(given) && isRead) await assertWhole(given.right, "the response");
        else if (isRight(given)) bodyOfMessage(given.right)?.cancel();
        await settled();
        const isPassed = isRead && isRight(given);
        assert.ok(isPassed ? ended() === true : ended() !== undefined, "the response's own body was dropped");
      }
    },
  );

  check(
    "a response that nobody gets any more is freed",
    async ({ mock, wrap, clock, controller, signal }) => {
      for (const why of ["time", "abort"]) {
        const bodies: (() => boolean | undefined)[] = [];
        const { promise: late, resolve: answer } = Promise.withResolvers<void>();
        // It answers in the end, whatever its signal says.
        const stubborn: Service<Req, Res, unknown> = {
          ...mock.service,
          call: async () => {
            await late;
            const { body, ended } = watchedBody();
            bodies.push(ended);
            return right(responseWith(body));
          },
        };
        const result = wrap(stubborn).call(request(), signal);
        await settled();
        if (why === "abort") controller.abort();
        else for (let fired = 0; fired < 100 && clock.fireNext(); fired++) await settled();
        answer();
        const given = await result;
        if (isRight(given)) bodyOfMessage(given.right)?.cancel();
        await settled();
        for (const ended of bodies)
          assert.ok(ended() !== undefined, `a response that came after ${words[why]} was dropped`);
      }
    },
  );
}

const words: Record<string, string> = { abort: "an abort", time: "its time" };

/** A layer has inner right inside; a balancer has it inside the node of an endpoint. */
function standsAround({ inner = [] }: Description, part: Description): boolean {
  return inner.some((each) => isDeepStrictEqual(each, part) || standsAround(each, part));
}

function oneOf<T>(list: readonly T[], random: Random): T | undefined {
  return list[Math.floor(random() * list.length)];
}
