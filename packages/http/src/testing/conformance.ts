import assert from "node:assert/strict";
import { isRight, right, type Service } from "@pagoda/core";
import {
  conformance as coreConformance,
  type DefineTest,
  type Kit,
  layerRules,
  type LayerUnderTest,
  type Rule,
  type Samples,
  settled,
} from "@pagoda/core/testing";
import { type Body, isEmptyBody } from "../body.ts";
import { type HttpRequest, httpRequest, type HttpResponse, httpResponse } from "../message.ts";
import { assertWhole, bodyOfMessage, requestsWith, responsesWith, watched, watchedBody } from "./bodies.ts";

/**
 * Runs the conformance suite of `@pagoda/core/testing` with rules about bodies: a layer must pass
 * them on whole or cancel them. The default samples are a GET request and a response with status
 * 200. The rules about bodies are skipped for samples that are not HTTP messages.
 *
 * @example conformance(test, ({ clock }) => timeout({ ms: 100, clock }));
 *
 * @param makeLayer Makes a new layer that lets the sample request through at once, and ends those
 * that are `refused` or `answered` itself.
 */
export function conformance<Req = HttpRequest, Res = HttpResponse>(
  test: DefineTest,
  makeLayer: (kit: Kit) => LayerUnderTest,
  samples: Samples<Req, Res> = {},
): void {
  const request = samples.request ?? (() => httpRequest("http://shop.example/") as Req);
  const response = samples.response ?? (() => httpResponse(200) as Res);
  const all = { ...samples, request, response };
  coreConformance(test, makeLayer, all);
  const check = layerRules(test, makeLayer, all);
  bodyRules(check, requestsWith(samples.request), responsesWith(samples.response), request, response);
  if (samples.refused !== undefined) ownBodyRule(check, "refused", samples.refused);
  if (samples.answered !== undefined) ownBodyRule(check, "answered", samples.answered);
}

/** The maker of a request discards what is left of its body: see `Body`. */
function ownBodyRule<Req, Res>(check: Rule<Req, Res>, how: "refused" | "answered", request: () => Req): void {
  check(
    `the body of a request that is ${how} is left unread, read whole, or cancelled`,
    async ({ layered, signal }) => {
      const sample = request();
      const own = bodyOfMessage(sample);
      if (own === undefined) return;
      // A body of the sample may be the reason.
      const { body, ended } = isEmptyBody(own) ? watchedBody() : watched(own);
      const result = await layered.call({ ...sample, body }, signal);
      if (isRight(result)) await bodyOfMessage(result.right)?.bytes();
      await settled();
      assert.ok(body.canRead || ended() !== undefined, "the request's body was read in part");
    },
  );
}

/**
 * Rules about bodies. A body that is neither passed on nor cancelled keeps its connection forever.
 */
function bodyRules<Req, Res>(
  check: Rule<Req, Res>,
  requestWith: ((body: Body) => Req) | undefined,
  responseWith: ((body: Body) => Res) | undefined,
  request: () => Req,
  response: () => Res,
): void {
  if (requestWith !== undefined) {
    check("a request body reaches inner, or is cancelled when inner does not read it", async (bench) => {
      const { mock, layered, signal } = bench;
      for (const isRead of [true, false]) {
        const { body, ended } = watchedBody();
        const result = layered.call(requestWith(body), signal);
        const inner = await mock.next();
        if (isRead) await assertWhole(inner.request, "the request");
        else bodyOfMessage(inner.request)?.cancel();
        inner.answer(response());
        await result;
        assert.ok(
          isRead ? ended() === true : ended() !== undefined,
          "the request's own body was neither read nor cancelled",
        );
      }
    });
  }
  if (responseWith === undefined) return;

  check(
    "a response body reaches the caller, or is cancelled when the caller does not read it",
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
        assert.ok(
          isPassed ? ended() === true : ended() !== undefined,
          "the response's own body was neither read nor cancelled",
        );
      }
    },
  );

  check(
    "a response that no longer has a caller is discarded",
    async ({ mock, wrap, clock, controller, signal }) => {
      for (const why of ["time", "abort"]) {
        const bodies: (() => boolean | undefined)[] = [];
        const { promise: late, resolve: answer } = Promise.withResolvers<void>();
        // It answers eventually, even after an abort.
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
          assert.ok(
            ended() !== undefined,
            `the body of a response that came after ${words[why]} was not cancelled`,
          );
      }
    },
  );
}

const words: Record<string, string> = { abort: "an abort", time: "a timeout" };
