import { isLeft, type Left, right } from "@pagoda/core";
import { bodyFrom, httpResponse, json, text } from "@pagoda/http";
import { constant } from "@pagoda/retry";
import { describe, expect, test } from "vitest";
import { type Call, down, scripted } from "./given.ts";

/** Lets the result settle, without waiting for a result that does not come. */
function watched<T>(call: PromiseLike<T>) {
  const watch: { result?: T } = {};
  void call.then((result) => (watch.result = result));
  return watch;
}

const tagOf = (result: unknown): string => (result as Left<{ readonly _tag: string }>).left._tag;

/** Settles each attempt with the next answer, and counts them. */
async function attempts(mock: { next(): Promise<Call> }, ...settle: ((call: Call) => void)[]) {
  for (const each of settle) each(await mock.next());
}

describe("the limit for the whole call", () => {
  test("bounds all attempts together, 30 s by default", async () => {
    const { api, clock, mock } = scripted({ retry: { attempts: 100, backoff: constant(1) } });
    const call = watched(api.get("/").text());
    await clock.advance(29_999);
    expect(mock.calls.length).toBe(3);
    expect(call.result).toBeUndefined();
    await clock.advance(1);
    expect(call.result).toMatchObject({ left: { _tag: "TimedOut", afterMs: 30_000 } });
    expect(mock.inFlight).toBe(0);
    expect(mock.calls.at(-1)?.signal?.aborted).toBe(true);
  });

  test("includes reading the body", async () => {
    const { api, clock, mock } = scripted({ timeoutMs: 50, retry: false });
    const never = new ReadableStream<Uint8Array>({});
    const call = watched(api.get("/").text());
    (await mock.next()).answer(httpResponse(200, bodyFrom(never)));
    await clock.advance(50);
    expect(call.result).toMatchObject({ left: { _tag: "TimedOut", afterMs: 50 } });
  });

  test("does not include a body that streams", async () => {
    const { api, clock, mock } = scripted({ timeoutMs: 50 });
    const call = watched(api.get("/").stream());
    (await mock.next()).answer(httpResponse(200, bodyFrom(new ReadableStream<Uint8Array>({}))));
    await clock.advance(50);
    expect(call.result).toMatchObject({ right: { status: 200 } });
    expect(clock.pending).toBeLessThanOrEqual(1);
  });

  test("can be another one for a single call", async () => {
    const { api, clock } = scripted({ tryTimeoutMs: false });
    const short = watched(api.get("/", { timeoutMs: 10 }).text());
    const usual = watched(api.get("/").text());
    const long = watched(api.get("/", { timeoutMs: 40_000 }).text());
    await clock.advance(10);
    expect(short.result).toMatchObject({ left: { afterMs: 10 } });
    await clock.advance(29_990);
    expect(usual.result).toMatchObject({ left: { afterMs: 30_000 } });
    expect(long.result).toBeUndefined();
    await clock.advance(10_000);
    expect(long.result).toMatchObject({ left: { afterMs: 40_000 } });
  });

  test("of a single call must make sense", async () => {
    const { api } = scripted({});
    await expect(api.get("/", { timeoutMs: 0 })).rejects.toThrow(
      "client: timeoutMs must be a number above 0",
    );
    await expect(api.get("/", { maxBytes: -1 })).rejects.toThrow(
      "client: maxBytes must be a number of at least 0",
    );
  });

  test("is remembered for at most 100 durations", async () => {
    const { api, mock } = scripted({ circuitBreaker: false });
    for (let ms = 1; ms <= 250; ms++) {
      const call = api.get("/", { timeoutMs: 1_000 + ms }).text();
      (await mock.next()).answer(text("ok"));
      expect(await call).toEqual(right("ok"));
    }
    expect(api.describe()).toMatchObject({ name: "timeout", state: { otherLimits: 50 } });
  });

  test("can be turned off", async () => {
    const { api, clock } = scripted({ timeoutMs: false, tryTimeoutMs: false });
    const call = watched(api.get("/").text());
    await clock.advance(10_000_000);
    expect(call.result).toBeUndefined();
    const limited = watched(api.get("/", { timeoutMs: 5 }).text());
    await clock.advance(5);
    expect(limited.result).toMatchObject({ left: { _tag: "TimedOut" } });
  });
});

describe("the limit for an attempt", () => {
  test("ends a slow one after 10 s, and the next one can succeed", async () => {
    const { api, clock, mock } = scripted({});
    const call = watched(api.get("/").text());
    await clock.advance(10_000);
    expect(mock.calls[0]?.signal?.aborted).toBe(true);
    await clock.advance(50);
    mock.calls[1]?.answer(text("late"));
    await clock.advance(0);
    expect(call.result).toEqual(right("late"));
  });

  test("includes reading the body, which frees the slot", async () => {
    const { api, clock, mock } = scripted({ tryTimeoutMs: 20, retry: false, concurrency: { limit: 1 } });
    const call = watched(api.get("/").text());
    (await mock.next()).answer(httpResponse(200, bodyFrom(new ReadableStream<Uint8Array>({}))));
    const second = watched(api.get("/").text());
    await clock.advance(20);
    expect(call.result).toMatchObject({ left: { _tag: "TimedOut", afterMs: 20 } });
    mock.calls[1]?.answer(text("next"));
    await clock.advance(0);
    expect(second.result).toEqual(right("next"));
  });
});

describe("retries", () => {
  test.each([429, 502, 503, 504])("follow status %d up to three attempts", async (status) => {
    const { api, clock, mock } = scripted({});
    const call = watched(api.get("/").text());
    for (let n = 0; n < 3; n++) {
      (await mock.next()).answer(text("busy", status));
      await clock.advance(200);
    }
    await mock.expectNoCall();
    expect(call.result).toMatchObject({ left: { _tag: "StatusError", status } });
  });

  test.each([400, 404, 500, 501])("do not follow status %d", async (status) => {
    const { api, clock, mock } = scripted({});
    const call = watched(api.get("/").text());
    (await mock.next()).answer(text("no", status));
    await clock.advance(10_000);
    await mock.expectNoCall();
    expect(call.result).toMatchObject({ left: { status } });
  });

  test("wait as long as Retry-After says, up to 5 s", async () => {
    const { api, clock, mock } = scripted({});
    const call = watched(api.get("/").text());
    (await mock.next()).answer(text("busy", 503, { "retry-after": "3" }));
    await clock.advance(3_049);
    await mock.expectNoCall();
    await clock.advance(1);
    (await mock.next()).answer(text("busy", 503, { "retry-after": "6" }));
    await clock.advance(20_000);
    await mock.expectNoCall();
    expect(call.result).toMatchObject({ left: { status: 503, retryAfterMs: 6_000 } });
  });

  test("wait longer each time, by chance", async () => {
    const { api, clock, mock } = scripted({});
    void api.get("/").text();
    (await mock.next()).fail(down);
    await clock.advance(49);
    await mock.expectNoCall();
    await clock.advance(1);
    (await mock.next()).fail(down);
    await clock.advance(99);
    await mock.expectNoCall();
    await clock.advance(1);
    await mock.next();
  });

  test("repeat a response whose body breaks off", async () => {
    const { api, clock, mock } = scripted({});
    const call = watched(api.get("/").json());
    const broken = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error("reset")),
    });
    (await mock.next()).answer(httpResponse(200, bodyFrom(broken)));
    await clock.advance(50);
    (await mock.next()).answer(json("whole"));
    await clock.advance(0);
    expect(call.result).toEqual(right("whole"));
  });

  test.each([
    ["PUT and its body", "put", {}, 2],
    ["POST", "post", {}, 1],
    ["POST with an Idempotency-Key", "post", { headers: { "Idempotency-Key": "7" } }, 2],
    ["POST that asks for it", "post", { retry: true }, 2],
    ["PATCH that asks for it", "patch", { retry: true }, 2],
    ["PUT that does not want it", "put", { retry: false }, 1],
  ] as const)("of %s", async (_what, method, options, expected) => {
    const { api, clock, mock } = scripted({ retry: { attempts: 2 } });
    void api[method]("/", { json: { a: 1 }, ...options }).text();
    let count = 0;
    for (; mock.calls.length > count || count === 0; count++) {
      const { request, fail } = await mock.next();
      expect(await request.body.text()).toEqual(right('{"a":1}'));
      fail(down);
      await clock.advance(1_000);
    }
    expect(count).toBe(expected);
  });

  test("repeat a body that streams", async () => {
    const { api, clock, mock } = scripted({});
    async function* chunks() {
      yield "a";
      yield "b";
    }
    void api.put("/", { body: chunks() }).text();
    for (let n = 0; n < 2; n++) {
      const { request, fail } = await mock.next();
      expect(await request.body.text()).toEqual(right("ab"));
      fail(down);
      await clock.advance(1_000);
    }
  });

  test("of the methods that the options name", async () => {
    const { api, clock, mock } = scripted({ retry: { methods: ["POST"] } });
    void api.get("/").text();
    (await mock.next()).fail(down);
    await clock.advance(1_000);
    await mock.expectNoCall();
    void api.post("/").text();
    (await mock.next()).fail(down);
    await clock.advance(1_000);
    await mock.next();
  });

  test("end with the budget of their host", async () => {
    const { api, clock, mock } = scripted({ circuitBreaker: false, perHost: true, timeoutMs: false });
    for (let n = 0; n < 200; n++) void api.get("/").text();
    let failed = 0;
    const failAll = async () => {
      for (; failed < mock.calls.length; failed++) mock.calls[failed]?.fail(down);
      await clock.advance(200);
    };
    await clock.advance(0);
    for (let round = 0; round < 5; round++) await failAll();
    // 20% of the calls, and 10 per second for 10 s.
    expect(mock.calls.length).toBe(200 + 140);
    void api.get("http://other.example/").text();
    await clock.advance(0);
    await failAll();
    await failAll();
    expect(mock.calls.length).toBe(340 + 3);
  });

  test("can be turned off", async () => {
    const { api, clock, mock } = scripted({ retry: false });
    const call = watched(api.get("/").text());
    (await mock.next()).fail(down);
    await clock.advance(10_000);
    await mock.expectNoCall();
    expect(call.result).toMatchObject({ left: { _tag: "Down" } });
  });

  test("stop with the caller", async () => {
    const { api, clock, mock } = scripted({});
    const controller = new AbortController();
    const call = watched(api.get("/", { signal: controller.signal }).text());
    (await mock.next()).fail(down);
    await clock.advance(10);
    controller.abort();
    await clock.advance(0);
    expect(call.result).toMatchObject({ left: { _tag: "Aborted" } });
    expect(clock.pending).toBe(0);
  });
});

describe("the circuit of a host", () => {
  test("opens after five failures, refuses at once, and closes after a success", async () => {
    const { api, clock, mock } = scripted({ retry: false });
    for (let n = 0; n < 5; n++) {
      const call = api.get("/").text();
      (await mock.next()).answer(text("broken", 500));
      await call;
    }
    const refused = await api.get("/").text();
    expect(refused).toMatchObject({ left: { _tag: "CircuitOpen", reason: "consecutive-failures" } });
    await mock.expectNoCall();
    await clock.advance(5_000);
    const probe = api.get("/").text();
    (await mock.next()).answer(text("well"));
    expect(await probe).toEqual(right("well"));
  });

  test("is not waited for by retries", async () => {
    const { api, clock, mock } = scripted({ circuitBreaker: { openMs: 200 } });
    for (let n = 0; n < 2; n++) {
      const call = watched(api.get("/").text());
      await attempts(mock, (call) => call.fail(down));
      for (let retry = 0; retry < 2 && mock.calls.length < 5; retry++) {
        await clock.advance(100);
        await attempts(mock, (call) => call.fail(down));
      }
      await clock.advance(100);
      expect(call.result).toBeDefined();
    }
    const refused = watched(api.get("/").text());
    await clock.advance(0);
    expect(refused.result).toMatchObject({ left: { _tag: "CircuitOpen" } });
  });

  test("does not concern other hosts", async () => {
    const { api, mock } = scripted({ retry: false, perHost: true });
    for (let n = 0; n < 5; n++) {
      const call = api.get("/").text();
      (await mock.next()).fail(down);
      await call;
    }
    expect(tagOf(await api.get("/").text())).toBe("CircuitOpen");
    const other = api.get("http://other.example/").text();
    (await mock.next()).answer(text("well"));
    expect(await other).toEqual(right("well"));
  });

  test("learns from bodies that break off", async () => {
    const { api, mock } = scripted({ retry: false });
    for (let n = 0; n < 5; n++) {
      const call = api.get("/").text();
      const broken = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.error(new Error("reset")),
      });
      (await mock.next()).answer(httpResponse(200, bodyFrom(broken)));
      expect(tagOf(await call)).toBe("BodyBroken");
    }
    expect(tagOf(await api.get("/").text())).toBe("CircuitOpen");
  });
});

describe("the limit of a host", () => {
  test("lets further calls wait in order", async () => {
    const { api, clock, mock } = scripted({ concurrency: { limit: 1, queue: 1 } });
    const [first, second, third] = ["/1", "/2", "/3"].map((path) =>
      watched(api.get(path, { retry: false }).text()),
    );
    await clock.advance(0);
    expect(mock.calls.length).toBe(1);
    expect(third?.result).toMatchObject({ left: { _tag: "BufferFull", capacity: 1 } });
    mock.calls[0]?.answer(text("one"));
    await clock.advance(0);
    expect(first?.result).toEqual(right("one"));
    mock.calls[1]?.answer(text("two"));
    await clock.advance(0);
    expect(second?.result).toEqual(right("two"));
  });

  test("is 100 attempts and a queue of 1,000", async () => {
    const { api, clock, mock } = scripted({});
    const calls = Array.from({ length: 1_101 }, () => watched(api.post("/").text()));
    await clock.advance(0);
    expect(mock.calls.length).toBe(100);
    expect(calls.filter(({ result }) => result !== undefined)).toHaveLength(1);
  });

  test("bounds the wait", async () => {
    const { api, clock } = scripted({
      concurrency: { limit: 1, maxWaitMs: 100 },
      timeoutMs: false,
      tryTimeoutMs: false,
      retry: false,
    });
    void api.get("/").text();
    const second = watched(api.get("/").text());
    await clock.advance(100);
    expect(second.result).toMatchObject({ left: { _tag: "QueueTimedOut", waitedMs: 100 } });
  });

  test("is for each host, and can be turned off", async () => {
    const limited = scripted({ concurrency: { limit: 1 }, perHost: true });
    for (const host of ["a", "b", "b"]) void limited.api.get(`http://${host}.example/`).text();
    await limited.clock.advance(0);
    expect(limited.mock.calls.length).toBe(2);
    const free = scripted({ concurrency: false });
    for (let n = 0; n < 500; n++) void free.api.get("/").text();
    await free.clock.advance(0);
    expect(free.mock.calls.length).toBe(500);
  });
});

describe("hedging", () => {
  async function learned(hedge: false | { maxExtraLoad: number }) {
    const given = scripted({ hedge });
    const { api, clock, mock } = given;
    for (let n = 0; n < 100; n++) {
      const call = api.get("/").text();
      const { answer } = await mock.next();
      await clock.advance(10);
      answer(text("ok"));
      await call;
    }
    // Into the next period, but not so far that no call counts for the budget.
    await clock.advance(9_050);
    return given;
  }

  test("sends a slow call a second time and takes the first answer", async () => {
    const { api, clock, mock } = await learned({ maxExtraLoad: 0.1 });
    const call = watched(api.get("/").text());
    const first = await mock.next();
    await clock.advance(20);
    (await mock.next()).answer(text("second"));
    await clock.advance(0);
    expect(call.result).toEqual(right("second"));
    expect(first.signal?.aborted).toBe(true);
  });

  test("is off by default, and not for requests that must not be repeated", async () => {
    const off = await learned(false);
    void off.api.get("/").text();
    await off.mock.next();
    await off.clock.advance(1_000);
    await off.mock.expectNoCall();
    const on = await learned({ maxExtraLoad: 0.1 });
    void on.api.post("/").text();
    await on.mock.next();
    await on.clock.advance(1_000);
    await on.mock.expectNoCall();
  });

  test("works without retries", async () => {
    const { api, mock } = scripted({ hedge: true, retry: false });
    const call = api.get("/").text();
    (await mock.next()).answer(text("ok"));
    expect(isLeft(await call)).toBe(false);
  });
});
