import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { type Either, isLeft, isRight } from "fp-ts/lib/Either.js";
import { isReady } from "../readiness.ts";
import { discardResponse } from "../response-classifier.ts";
import type { Service } from "../service.ts";
import { assertDescribed } from "./description.ts";
import type { DefineTest } from "./layer-rules.ts";
import { limited } from "./rule.ts";
import { settled } from "./settled.ts";

/** A leaf service, and requests for it. */
export interface LeafUnderTest<Req, Res> {
  readonly service: Service<Req, Res, unknown>;
  /** A fresh request that it answers with a response. */
  readonly request: () => Req;
  /** A fresh request that it answers with an error. Without it, the rule about errors is left out. */
  readonly failing?: () => Req;
  /** A fresh request that it never answers. Without it, the rules about aborts are left out. */
  readonly unanswered?: () => Req;
  /** Takes a response to its end, and rejects if it breaks off. Default: a response is whole when it is given. */
  readonly read?: (response: Res) => Promise<void>;
  /** Frees what the leaf and its other end hold. */
  readonly close?: () => Promise<void>;
}

export interface ServiceConformanceOptions {
  /**
   * Milliseconds that a rule may take. Keep it below the runner's own limit, which would fail without naming the rule.
   * Default 4,500, for a leaf with a network behind it.
   */
  readonly limitMs?: number;
}

/**
 * Checks what every leaf service must do, such as a transport or the adapter of a client library. It runs against the real
 * thing, and so in real time.
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
 * @param makeLeaf Makes a fresh leaf for each rule.
 */
export function serviceConformance<Req, Res>(
  test: DefineTest,
  makeLeaf: () => LeafUnderTest<Req, Res> | Promise<LeafUnderTest<Req, Res>>,
  { limitMs = 4_500 }: ServiceConformanceOptions = {},
): void {
  /** Runs a rule on a fresh leaf, and sees that it left nothing on the caller's signal. */
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

  check("answers with a response, as a value", async ({ request, read }, caller) => {
    const answer = await caller.call(request());
    assert.ok(isRight(answer), "the request that it should answer ended in an error");
    await read?.(answer.right);
  });

  check("an error is a value", async ({ failing }, caller) => {
    if (failing === undefined) return;
    assert.ok(isLeft(await caller.call(failing())), "the request that should fail was answered");
  });

  check("asking whether it is ready reserves nothing", async ({ service, request, read }, caller) => {
    for (let asked = 0; asked < 2_000; asked++) {
      assert.equal(service.ready(), undefined, "a fresh service is not ready");
      assert.ok(isReady(service), "a fresh service is not ready");
    }
    const answer = await caller.call(request());
    assert.ok(isRight(answer), "no call is answered after many have asked");
    await read?.(answer.right);
  });

  check("does not change the request", async ({ request, read }, caller) => {
    const sent = request();
    const before = typeof sent === "object" && sent !== null ? { ...sent } : sent;
    const answer = await caller.call(Object.freeze(sent));
    assert.ok(isRight(answer), "a request that is frozen was not answered");
    await read?.(answer.right);
    assert.deepEqual(typeof sent === "object" ? { ...sent } : sent, before);
  });

  check("a call that is aborted already ends in an error, as a value", async ({ request }, caller) => {
    caller.abort();
    assert.ok(isLeft(await caller.call(request())), "a call that was aborted already was answered");
  });

  check("a call that is aborted ends in an error, as a value", async ({ unanswered }, caller) => {
    if (unanswered === undefined) return;
    const answer = caller.call(unanswered());
    await settled();
    caller.abort();
    assert.ok(isLeft(await answer), "a call that was aborted was answered");
  });

  check("an aborted call leaves the others alone", async ({ service, request, unanswered, read }, caller) => {
    if (unanswered === undefined) return;
    const first = caller.call(unanswered());
    const other = new Caller(service);
    const second = other.call(request());
    await settled();
    caller.abort();
    await first;
    const answer = await second;
    assert.ok(isRight(answer), "the abort of one call ended another");
    await read?.(answer.right);
    const next = await other.call(request());
    assert.ok(isRight(next), "the call after an aborted one is not answered");
    await read?.(next.right);
    await other.isLetGo();
  });

  check("a response that nobody reads can be given up", async ({ request }, caller) => {
    for (let call = 0; call < 3; call++) {
      const answer = await caller.call(request());
      assert.ok(isRight(answer), "the call after a response that was given up is not answered");
      discardResponse(answer.right);
    }
  });

  check("describes itself", async ({ service }) => {
    assertDescribed(service);
    assert.equal(service.describe().inner, undefined, "there is nothing inside a leaf");
  });
}

/** Who calls, with a signal of its own. */
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
      throw new assert.AssertionError({ message: `call() has thrown: ${String(thrown)}` });
    }
    assert.ok(answer instanceof Promise, "call() gave no promise");
    return answer.catch((thrown: unknown) => {
      throw new assert.AssertionError({ message: `an expected failure was a rejection: ${String(thrown)}` });
    });
  }

  abort(): void {
    this.#controller.abort();
  }

  /** A leaf may need some turns of the event loop after its last byte. */
  async isLetGo(): Promise<void> {
    const listeners = (): number => getEventListeners(this.#controller.signal, "abort").length;
    for (let turn = 0; turn < 100 && listeners() > 0; turn++) await settled();
    assert.equal(listeners(), 0, "listeners are left on the caller's signal");
  }
}
