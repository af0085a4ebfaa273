// Stacks with layers of two versions of core and http; fails if one version does not recognize the other's values.
import assert from "node:assert/strict";
import { isLeft, isRight, right } from "@pagoda/core";
import * as first from "./copies.mjs";
import * as second from "./second/copies.mjs";

assert.notEqual(first.core.Scope, second.core.Scope, "there is only one copy of core");
assert.notEqual(first.http.Body, second.http.Body, "there is only one copy of http");

for (const [outer, inner] of [
  [first, second],
  [second, first],
]) {
  await deadlinePasses(outer, inner);
  await orderIsKept(outer, inner);
  await askingLeavesNothing(outer, inner);
  await faultsAreRecognized(outer, inner);
  messagesAreRecognized(outer, inner);
  await servedAndSent(outer, inner);
}

async function deadlinePasses(outer, inner) {
  const clock = outer.testing.virtualClock();
  let seen;
  const leaf = inner.core.service("leaf", async (_request, signal) => {
    seen = inner.core.deadlineOf(signal);
    return right(undefined);
  });
  const stack = new outer.core.ServiceBuilder()
    .layer(outer.timeout.timeout({ ms: 100, clock }))
    .layer(inner.timeout.timeout({ ms: 1_000, clock }))
    .service(leaf);
  await stack.call("request");
  assert.equal(seen, clock.now() + 100, "the deadline of the outer layer did not reach the leaf");
}

/** Callers of both versions wait for a limit of one version behind a limit of the other. */
async function orderIsKept(outer, inner) {
  const mock = inner.testing.mockService();
  const stack = new outer.core.ServiceBuilder()
    .layer(outer.concurrencyLimit.concurrencyLimit({ limit: 1 }))
    .layer(inner.concurrencyLimit.concurrencyLimit({ limit: 1 }))
    .service(mock.service);
  const callers = Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? outer : inner).core);
  const calls = callers.map((core, n) => core.oneshot(stack, n));
  const order = [];
  for (let n = 0; n < calls.length; n++) {
    const call = await mock.next();
    order.push(call.request);
    call.answer(n);
    await inner.testing.settled();
  }
  await Promise.all(calls);
  assert.deepEqual(order, [...callers.keys()], "callers did not pass in the order in which they came");
}

async function askingLeavesNothing(outer, inner) {
  const waiting = new inner.core.WaitList(() => false);
  assert.equal(outer.core.isReady(waiting), false);
  assert.equal(waiting.size, 0, "who only asked got a place in the queue");
  let isFree = false;
  const lists = [new outer.core.WaitList(() => isFree), new inner.core.WaitList(() => isFree)];
  const any = outer.core.whenReady({ ready: () => inner.core.anyReady(lists) }, () => "ready");
  await inner.testing.settled();
  isFree = true;
  for (const list of lists) list.wake();
  assert.equal(await any, "ready");
  assert.deepEqual(
    lists.map(({ size }) => size),
    [0, 0],
    "a place in a queue was not given back",
  );
}

async function faultsAreRecognized(outer, inner) {
  const clock = outer.testing.virtualClock();
  const mock = inner.testing.mockService();
  const stack = new outer.core.ServiceBuilder()
    .layer(outer.retry.retry({ attempts: 2, clock }))
    .layer(inner.timeout.timeout({ ms: 100, clock }))
    .service(mock.service);
  const result = stack.call({ replay: outer.core.idempotent });
  await mock.next();
  await clock.advance(100);
  await clock.advance(25); // the longest pause before a second try
  (await mock.next()).answer("second try");
  assert.deepEqual(
    await result,
    right("second try"),
    "a fault that says it is retryable was not tried again",
  );
}

function messagesAreRecognized(outer, inner) {
  const headers = new inner.http.HttpHeaders(["A", "1", "a", "2"]);
  const request = outer.http.httpRequest("http://a.example/", { headers });
  assert.equal(request.headers, headers, "headers were taken for an object of fields");
  assert(outer.http.isHttpHeaders(headers));
  assert(outer.http.isBody(inner.http.bodyFrom(["a"])));
  assert(outer.http.isEmptyBody(inner.http.emptyBody));
  assert(!outer.http.isEmptyBody(inner.http.bodyOf("a")));
  assert(outer.http.isCutOff(new inner.http.CutOff("the drain is over")));
  assert(!outer.http.isCutOff(new DOMException("gone", "AbortError")));
}

/** A server of one version with a transport of the other behind it and an access log of each. */
async function servedAndSent(outer, inner) {
  const origin = await inner.server.serve(
    inner.core.service("origin", async ({ method, headers, body }) => {
      const content = await body.text();
      return right(inner.http.json({ method, length: headers.get("content-length"), content }));
    }),
  );
  assert(isRight(origin));
  const transport = inner.transport.transport(origin.right.url, { protocol: "http2" });
  const lines = [];
  const logger = { info: (line) => lines.push(line), warn() {}, error() {}, isLevelEnabled: () => true };
  const proxy = await outer.server.serve(
    new outer.core.ServiceBuilder()
      .layer(outer.accessLog.accessLog({ logger }))
      .layer(inner.buffer.buffer({ capacity: 10 }))
      .service({
        ...transport,
        call: async (request, signal) => {
          const result = await transport.call(request, signal);
          return isLeft(result) ? right(outer.http.text(result.left._tag, 502)) : result;
        },
      }),
  );
  assert(isRight(proxy));
  const { url } = proxy.right;
  const got = await (await fetch(url)).json();
  assert.deepEqual(got, { method: "GET", content: right("") }, "a request without a body got one on its way");
  const posted = await (await fetch(url, { method: "POST", body: "some bytes" })).json();
  assert.deepEqual(posted, { method: "POST", length: "10", content: right("some bytes") });
  assert.deepEqual(
    lines.map(({ outcome }) => outcome),
    ["complete", "complete"],
  );
  await transport.close();
  await proxy.right.close();
  await origin.right.close();
}
