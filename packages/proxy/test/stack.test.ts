import { once } from "node:events";

import type { Fault } from "@pagoda/core";
import { type HttpRequest, httpRequest, type HttpResponse, type RequestInput } from "@pagoda/core/http";
import { serve } from "@pagoda/core/server";
import type { Service } from "@pagoda/core";
import { isLeft } from "fp-ts/lib/Either.js";
import { Registry } from "prom-client";
import { describe, expect, expectTypeOf, test } from "vitest";
import { proxyStack, type StackOptions } from "../src/stack.ts";
import { Arrivals, held, type Held, origin, refusing } from "./e2e/origin.ts";

/** A stack, what it has answered by itself, and one call of it. */
function bench(upstreams: readonly string[], options: Partial<StackOptions> = {}) {
  const registry = new Registry();
  const told: { fault: Fault; requestId: string; status: number }[] = [];
  const stack = proxyStack({
    upstreams,
    requestTimeoutMs: 10_000,
    registry,
    observer: { answered: (fault, { requestId }, { status }) => told.push({ fault, requestId, status }) },
    ...options,
  });
  async function call(input: RequestInput = {}, signal?: AbortSignal): Promise<HttpResponse> {
    const result = await stack.call(httpRequest("http://shop.example/", input), signal);
    if (isLeft(result)) throw new Error("the stack has no errors");
    return result.right;
  }
  return { stack, registry, told, call };
}

async function textOf({ body }: HttpResponse): Promise<string> {
  const text = await body.text();
  if (isLeft(text)) throw new Error(text.left._tag);
  return text.right;
}

test("it answers every error: its type says so, and it can be served", () => {
  const { stack } = bench([refusing]);
  expectTypeOf(stack).toEqualTypeOf<Service<HttpRequest, HttpResponse, never>>();
  const unanswered = stack as Service<HttpRequest, HttpResponse, Fault<"Unanswered">>;
  // @ts-expect-error A stack with an error that nobody answers is not served.
  expectTypeOf(serve).toBeCallableWith(unanswered);
});

test("its layers, from the outside in", () => {
  const { stack } = bench(["http://a:1", "https://b:2"]);
  const names: string[] = [];
  for (let at = stack.describe(); ; at = at.inner?.[0] ?? { name: "" }) {
    if (at.name === "") break;
    names.push(at.name);
  }
  expect(names).toEqual(["forwarded", "metrics", "respond", "timeout", "balance", "endpoint", "transport"]);
});

test("an answer of the origin passes with its status, fields and body, and names its upstream", async () => {
  await using upstream = await origin(({ headers }, response) => {
    response.writeHead(201, { "x-own": "1" });
    response.end(headers["x-request-id"]);
  });
  const { call, told } = bench([upstream.url]);
  const response = await call();
  expect(response).toMatchObject({ status: 201, upstream: upstream.url, fault: undefined });
  expect(response.headers.get("x-own")).toBe("1");
  expect(await textOf(response)).toBe(response.headers.get("x-request-id"));
  expect(told).toEqual([]);
});

describe("what it answers by itself", () => {
  async function expectAnswer(
    { call, told }: ReturnType<typeof bench>,
    expected: { readonly tag: string; readonly status: number; readonly message: string },
    ...args: Parameters<typeof call>
  ): Promise<void> {
    const response = await call(...args);
    const id = response.headers.get("x-request-id");
    const { tag, status, message } = expected;
    expect(response).toMatchObject({ status, fault: { _tag: tag } });
    expect(await textOf(response)).toBe(`${status} ${message}\nrequest id: ${id}\n`);
    expect(told).toMatchObject([{ fault: { _tag: tag }, requestId: id, status }]);
  }

  test("ConnectFailed: 502", async () => {
    const expected = { tag: "ConnectFailed", status: 502, message: "the upstream could not be reached" };
    await expectAnswer(bench([refusing]), expected);
  });

  test("ConnectionBroken: 502", async () => {
    await using upstream = await origin(({ socket }) => void socket.destroy());
    await expectAnswer(bench([upstream.url]), {
      tag: "ConnectionBroken",
      status: 502,
      message: "the upstream closed the connection before it answered",
    });
  });

  test("TimedOut: 504", async () => {
    await using upstream = await held(new Arrivals());
    await expectAnswer(bench([upstream.url], { requestTimeoutMs: 20 }), {
      tag: "TimedOut",
      status: 504,
      message: "the upstream did not answer within 20 ms",
    });
  });

  test("NoEndpointReady: 503, and when to come back", async () => {
    const arrivals = new Arrivals<Held>();
    await using upstream = await held(arrivals);
    const one = bench([upstream.url], { transport: { maxConnections: 1 } });
    const first = one.call();
    const { response } = await arrivals.next();
    await expectAnswer(one, {
      tag: "NoEndpointReady",
      status: 503,
      message: "no upstream can take the request now",
    });
    expect((await one.call()).headers.get("retry-after")).toBe("1");
    response.end("first");
    expect(await textOf(await first)).toBe("first");
  });

  test("NoEndpointReady: 503 where there is no upstream at all", async () => {
    const expected = { tag: "NoEndpointReady", status: 503, message: "there is no upstream" };
    await expectAnswer(bench([]), expected);
  });

  test("RequestInvalid: 400", async () => {
    await using upstream = await origin((_request, response) => response.end());
    const expected = {
      tag: "RequestInvalid",
      status: 400,
      message: "the request cannot be passed on as it is",
    };
    await expectAnswer(bench([upstream.url]), expected, { headers: { "x-split": "a\r\nb: c" } });
  });

  test("Aborted: 499, for those who count", async () => {
    const arrivals = new Arrivals<Held>();
    await using upstream = await held(arrivals);
    const one = bench([upstream.url]);
    const gone = new AbortController();
    const answered = expectAnswer(
      one,
      { tag: "Aborted", status: 499, message: "the client closed the connection" },
      {},
      gone.signal,
    );
    const { response } = await arrivals.next();
    const closed = once(response, "close");
    gone.abort();
    await answered;
    await closed;
  });

  test("is counted by its reason", async () => {
    const { call, registry } = bench([refusing]);
    await textOf(await call({ method: "POST", body: "a" }));
    const text = await registry.metrics();
    expect(text).toContain('http_local_responses_total{reason="ConnectFailed"} 1\n');
    expect(text).toContain(`http_requests_total{method="POST",status="502",upstream="${refusing}"} 1\n`);
  });
});

test("two upstreams of one name are a mistake", () => {
  expect(() => bench(["http://a:1", "http://a:1"])).toThrow("http://a:1");
});
