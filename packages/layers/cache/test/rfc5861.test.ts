import { settled } from "@pagoda/core/testing";
import { bodyFrom, PushBody } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { bench, down, origin } from "./bench.ts";

describe("stale-while-revalidate", () => {
  const response = { "cache-control": "max-age=10, stale-while-revalidate=20", etag: '"1"' };

  test("answers at once, validates in the background, and uses the result", async () => {
    const { ask, clock, mock, stored } = bench();
    await ask({}, origin(response));
    await clock.advance(15_000);
    expect(await stored()).toEqual(["content", "hit; ttl=-5"]);
    expect(await stored()).toEqual(["content", "hit; ttl=-5"]);
    expect(mock.calls).toHaveLength(2);
    const background = mock.calls[1] as (typeof mock.calls)[number];
    expect(background.request.headers.get("if-none-match")).toBe('"1"');
    background.answer(origin({ ...response, etag: '"2"' }, bodyFrom(["n", "ew"])));
    await settled();
    expect(await stored()).toEqual(["new", "hit; ttl=10"]);
    expect(clock.pending).toBe(0);
  });

  test("uses the confirmed response", async () => {
    const { ask, clock, mock, stored } = bench();
    await ask({}, origin(response));
    await clock.advance(15_000);
    await stored();
    mock.calls[1]?.answer(origin({}, "", 304));
    await settled();
    expect(await stored()).toEqual(["content", "hit; ttl=10"]);
  });

  test.each([
    ["after its time", 30.001, response],
    [
      "if stale responses are forbidden",
      15,
      { ...response, "cache-control": `${response["cache-control"]}, must-revalidate` },
    ],
  ])("validates first %s", async (_, seconds, stored) => {
    const { ask, clock } = bench();
    await ask({}, origin(stored));
    await clock.advance(seconds * 1_000);
    expect((await ask({}, origin({}, "", 304))).how).toMatch(/^fwd=stale; fwd-status=304/);
  });

  test("is allowed with s-maxage, which forbids only what the client accepts", async () => {
    const { ask, clock, stored } = bench();
    await ask({}, origin({ "cache-control": "s-maxage=10, stale-while-revalidate=20", etag: '"1"' }));
    await clock.advance(15_000);
    expect((await stored())[1]).toBe("hit; ttl=-5");
  });

  test("ends after its time limit, reports that, and tries again later", async () => {
    const failures: unknown[] = [];
    const { ask, clock, mock, stored } = bench({
      revalidateTimeoutMs: 1_000,
      observer: { revalidationFailed: (error) => void failures.push(error) },
    });
    await ask({}, origin(response));
    await clock.advance(12_000);
    await stored();
    await clock.advance(999);
    expect(mock.calls[1]?.signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(mock.calls[1]?.signal?.aborted).toBe(true);
    expect(failures).toMatchObject([
      { name: "TimeoutError", message: "validation did not end within 1000 ms" },
    ]);
    await stored();
    expect(mock.calls).toHaveLength(3);
    expect(clock.pending).toBe(1);
  });

  test("reports errors and defects in the background", async () => {
    const failures: unknown[] = [];
    const { ask, clock, mock, stored } = bench({
      observer: { revalidationFailed: (error) => void failures.push(error) },
    });
    await ask({}, origin(response));
    await clock.advance(12_000);
    await stored();
    mock.calls[1]?.fail(down);
    await settled();
    await stored();
    const defect = new Error("defect");
    mock.calls[2]?.reject(defect);
    await settled();
    expect(failures).toEqual([down, defect]);
    expect(clock.pending).toBe(0);
  });

  test.each([
    ["is too slow", response, true],
    ["is not to be stored", { "cache-control": "no-store" }, false],
  ])("cancels a body that %s", async (_, headers, isSlow) => {
    const { ask, clock, mock, stored } = bench({ revalidateTimeoutMs: 1_000 });
    await ask({}, origin(response));
    await clock.advance(12_000);
    await stored();
    const body = new Endless();
    mock.calls[1]?.answer(origin(headers, body));
    await settled();
    expect(body.stopped).toBe(!isSlow);
    await clock.advance(1_000);
    expect([body.stopped, clock.pending]).toEqual([true, 0]);
  });

  test("does not call an origin that is not ready", async () => {
    const { ask, clock, mock, stored } = bench();
    await ask({}, origin(response));
    await clock.advance(12_000);
    mock.admit(0);
    expect((await stored())[1]).toBe("hit; ttl=-2");
    expect(mock.calls).toHaveLength(1);
  });

  test("makes no use of the client's own conditions", async () => {
    const { ask, clock, mock, layered, request } = bench();
    await ask({}, origin({ "cache-control": "max-age=10, stale-while-revalidate=20" }));
    await clock.advance(12_000);
    await layered.call(request({ headers: { "if-none-match": '"1"' } }));
    expect(mock.calls[1]?.request.headers.has("if-none-match")).toBe(false);
  });

  test("validates a HEAD request with GET, with notes of its own", async () => {
    const { ask, clock, mock, layered, request } = bench();
    await ask({}, origin(response));
    await clock.advance(12_000);
    const head = request({ method: "HEAD" });
    await layered.call(head);
    const background = mock.calls[1] as (typeof mock.calls)[number];
    expect(background.request.method).toBe("GET");
    expect(background.request.notes).not.toBe(head.notes);
  });
});

describe("stale-if-error", () => {
  const response = { "cache-control": "max-age=10, stale-if-error=20", etag: '"1"' };

  test.each([
    ["status 500", origin({}, "", 500), "fwd=stale; fwd-status=500; ttl=-5; detail=stale-if-error"],
    ["status 502", origin({}, "", 502), "fwd=stale; fwd-status=502; ttl=-5; detail=stale-if-error"],
    ["status 503", origin({}, "", 503), "fwd=stale; fwd-status=503; ttl=-5; detail=stale-if-error"],
    ["status 504", origin({}, "", 504), "fwd=stale; fwd-status=504; ttl=-5; detail=stale-if-error"],
    ["an error", down, "fwd=stale; ttl=-5; detail=stale-if-error"],
  ])("answers %s with the stored response", async (_, failure, how) => {
    const { ask, clock } = bench();
    await ask({}, origin(response));
    await clock.advance(15_000);
    const stale = await ask({}, failure);
    expect([stale.status, stale.body, stale.how]).toEqual([200, "content", how]);
  });

  test.each([
    ["status 501", 15, response, {}, 501],
    ["status 404", 15, response, {}, 404],
    ["an error after its time", 30.001, response, {}, 503],
    ["an error without it", 15, { ...response, "cache-control": "max-age=10" }, {}, 503],
    [
      "an error with must-revalidate",
      15,
      { ...response, "cache-control": "max-age=10, must-revalidate, stale-if-error=20" },
      {},
      503,
    ],
    [
      "an error for a client that wants no stored response",
      5,
      response,
      { "cache-control": "no-cache" },
      503,
    ],
  ])("passes %s on", async (_, seconds, stored, headers, status) => {
    const { ask, clock } = bench();
    await ask({}, origin(stored));
    await clock.advance(seconds * 1_000);
    expect((await ask({ headers }, origin({}, "", status))).status).toBe(status);
  });

  test("can be asked for by the client, unless s-maxage forbids it", async () => {
    for (const [stored, status] of [
      ["max-age=10", 200],
      ["s-maxage=10", 503],
    ] as const) {
      const { ask, clock } = bench();
      await ask({}, origin({ "cache-control": stored, etag: '"1"' }));
      await clock.advance(15_000);
      const headers = { "cache-control": "stale-if-error=20" };
      expect((await ask({ headers }, origin({}, "", 503))).status).toBe(status);
    }
  });

  test("does not answer a caller that has aborted", async () => {
    const { ask, clock, layered, request, mock } = bench();
    await ask({}, origin(response));
    await clock.advance(15_000);
    const controller = new AbortController();
    const result = layered.call(request({}), controller.signal);
    await settled();
    controller.abort();
    expect(await result).toMatchObject({ left: { _tag: "Aborted" } });
    expect(mock.calls[1]?.signal?.aborted).toBe(true);
  });
});

class Endless extends PushBody {
  readonly length = undefined;
  stopped = false;

  protected goOn(): void {}

  protected stop(): void {
    this.stopped = true;
  }
}
