import assert from "node:assert/strict";
import { type Either, isLeft, isRight } from "../either.ts";
import { isReady } from "../readiness.ts";
import { discardResponse } from "../http-response.ts";
import type { Service } from "../service.ts";
import { assertDescribed } from "./description.ts";
import type { DefineTest } from "./layer-rules.ts";
import { limited } from "./rule.ts";
import { settled } from "./settled.ts";
import { abortListeners } from "./abort-listeners.ts";

/** A leaf service and requests for it. */
export interface LeafUnderTest<Req, Res> {
  readonly service: Service<Req, Res, unknown>;
  /** Makes a request that the leaf answers with a response. */
  readonly request: () => Req;
  /**
   * Makes a request that the leaf answers with an error. Without it, the rule about errors is
   * skipped.
   */
  readonly failing?: () => Req;
  /**
   * Makes a request that the leaf never answers. Without it, the rules about aborts are skipped.
   */
  readonly unanswered?: () => Req;
  /**
   * Reads a response to its end and rejects if it breaks off. Default: responses are complete when
   * they arrive.
   */
  readonly read?: (response: Res) => Promise<void>;
  /** Frees the resources of the leaf and of its server. */
  readonly close?: () => Promise<void>;
}

export interface ServiceConformanceOptions {
  /**
   * Time limit per rule, in milliseconds. Keep it below the runner's own limit, which would not
   * name the rule. Default 4,500, for a leaf that uses the network.
   */
  readonly limitMs?: number;
}

/**
 * Checks the rules that every leaf service must follow, such as a transport or an adapter for a
 * client library. Runs against a real server, and therefore in real time.
 *
 * @example
 * serviceConformance(test, async () => {
 *   const origin = await startOrigin();
 *   return {
 *     service: transport(origin.url),
 *     request: () => httpRequest(`${origin.url}/`),
 *     unanswered: () => httpRequest(`${origin.url}/silent`),
 *     close: () => origin.close(),
 *   };
 * });
 *
 * @param makeLeaf Makes a new leaf for each rule.
 */
export function serviceConformance<Req, Res>(
  test: DefineTest,
  makeLeaf: () => LeafUnderTest<Req, Res> | Promise<LeafUnderTest<Req, Res>>,
  { limitMs = 4_500 }: ServiceConformanceOptions = {},
): void {
  /** Runs a rule on a new leaf and checks that no listener is left on the caller's signal. */
  function check(
    name: string,
    run: (leaf: LeafUnderTest<Req, Res>, caller: Caller<Req, Res>) => Promise<void>,
  ): void {
    const rule = `service conformance: ${name}`;
    const runOnce = async (): Promise<void> => {
      const leaf = await makeLeaf();
      const caller = new Caller(leaf.service);
      try {
        await run(leaf, caller);
        await caller.isLetGo();
      } finally {
        await leaf.close?.();
      }
    };
    test(rule, () => limited(rule, limitMs, runOnce));
  }

  check("returns a response as a value", async ({ request, read }, caller) => {
    const answer = await caller.call(request());
    assert.ok(isRight(answer), "a request that should be answered ended in an error");
    await read?.(answer.right);
  });

  check("returns an error as a value", async ({ failing }, caller) => {
    if (failing === undefined) return;
    assert.ok(isLeft(await caller.call(failing())), "a request that should fail was answered");
  });

  check("asking for readiness reserves nothing", async ({ service, request, read }, caller) => {
    for (let asked = 0; asked < 2_000; asked++) {
      assert.equal(service.ready(), undefined, "a new service is not ready");
      assert.ok(isReady(service), "a new service is not ready");
    }
    const answer = await caller.call(request());
    assert.ok(isRight(answer), "no call was answered after readiness was asked many times");
    await read?.(answer.right);
  });

  check("does not change the request", async ({ request, read }, caller) => {
    const sent = request();
    const before = typeof sent === "object" && sent !== null ? { ...sent } : sent;
    const answer = await caller.call(Object.freeze(sent));
    assert.ok(isRight(answer), "a frozen request was not answered");
    await read?.(answer.right);
    assert.deepEqual(typeof sent === "object" ? { ...sent } : sent, before);
  });

  check("a call whose signal is already aborted returns an error as a value", async ({ request }, caller) => {
    caller.abort();
    assert.ok(isLeft(await caller.call(request())), "a call whose signal was already aborted was answered");
  });

  check("an aborted call returns an error as a value", async ({ unanswered }, caller) => {
    if (unanswered === undefined) return;
    const answer = caller.call(unanswered());
    await settled();
    caller.abort();
    assert.ok(isLeft(await answer), "an aborted call was answered");
  });

  check(
    "an aborted call does not affect the others",
    async ({ service, request, unanswered, read }, caller) => {
      if (unanswered === undefined) return;
      const first = caller.call(unanswered());
      const other = new Caller(service);
      const second = other.call(request());
      await settled();
      caller.abort();
      await first;
      const answer = await second;
      assert.ok(isRight(answer), "one call's abort ended another call");
      await read?.(answer.right);
      const next = await other.call(request());
      assert.ok(isRight(next), "the call after an aborted one was not answered");
      await read?.(next.right);
      await other.isLetGo();
    },
  );

  check("an unread response can be discarded", async ({ request }, caller) => {
    for (let call = 0; call < 3; call++) {
      const answer = await caller.call(request());
      assert.ok(isRight(answer), "the call after a discarded response was not answered");
      discardResponse(answer.right);
    }
  });

  check("describes itself", async ({ service }) => {
    assertDescribed(service);
    assert.equal(service.describe().inner, undefined, "a leaf has no inner service");
  });
}

/** A caller with its own signal. */
class Caller<Req, Res> {
  readonly #service: Service<Req, Res, unknown>;
  readonly #controller = new AbortController();

  constructor(service: Service<Req, Res, unknown>) {
    this.#service = service;
  }

  call(request: Req): Promise<Either<unknown, Res>> {
    let answer: Promise<Either<unknown, Res>>;
    try {
      answer = this.#service.call(request, this.#controller.signal);
    } catch (thrown) {
      throw new assert.AssertionError({ message: `call() threw: ${String(thrown)}` });
    }
    assert.ok(answer instanceof Promise, "call() must return a promise");
    return answer.catch((thrown: unknown) => {
      throw new assert.AssertionError({
        message: `an expected failure was a rejection instead of a value: ${String(thrown)}`,
      });
    });
  }

  abort(): void {
    this.#controller.abort();
  }

  /** Checks for listeners. A leaf may need some turns of the event loop after its last byte. */
  async isLetGo(): Promise<void> {
    const listeners = (): number => abortListeners(this.#controller.signal);
    for (let turn = 0; turn < 100 && listeners() > 0; turn++) await settled();
    assert.equal(listeners(), 0, "listeners are left on the caller's signal");
  }
}
