import { CutOff, type HttpResponse, httpResponse } from "@pagoda/http";
import { seededRandom, settled } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { type CallEnd, levelOf } from "@pagoda/access-log";
import { bench, down, get, nowhere, refused, responseFor, TestBody } from "./bench.ts";

describe("outcome of a call", () => {
  test("is complete or broken at the end of the response body", async () => {
    for (const [end, outcome] of [
      [(body: TestBody) => body.end(), "complete"],
      [(body: TestBody) => body.break(), "broken"],
      [(body: TestBody) => body.cancel(), "broken"],
    ] as const) {
      const { clock, answered, lines } = bench();
      const body = new TestBody();
      await answered({ ...httpResponse(200), body });
      body.pipe(nowhere);
      await clock.advance(100);
      end(body);
      await settled();
      expect(lines()).toMatchObject([{ outcome, durationMs: 100, headMs: 0 }]);
    }
  });

  test.each([
    ["HEAD", 200],
    ["GET", 204],
    ["GET", 304],
  ])("is complete if the response to %s with status %d has no body", async (method, status) => {
    const { answered, lines } = bench();
    const body = new TestBody();
    await answered({ ...httpResponse(status), body }, { ...get, method });
    body.cancel();
    await settled();
    expect(lines()).toMatchObject([{ outcome: "complete", level: 30 }]);
  });

  test.each(["GET", "HEAD"])(
    "is aborted if the client of a %s disconnects before the body ends",
    async (method) => {
      const { mock, layered, lines } = bench();
      const leaving = new AbortController();
      const body = new TestBody();
      const result = layered.call({ ...get, method }, leaving.signal);
      (await mock.next()).answer({ ...httpResponse(200), body });
      await result;
      // As in a server, where the body is cancelled first.
      body.cancel();
      leaving.abort();
      await settled();
      expect(lines()).toMatchObject([{ outcome: "aborted", status: 200, level: 30 }]);
    },
  );

  test("is aborted if the client disconnects before the response", async () => {
    const { mock, layered, lines, clock } = bench();
    const leaving = new AbortController();
    const result = layered.call(get, leaving.signal);
    await mock.next();
    await clock.advance(5);
    leaving.abort();
    await result;
    expect(lines()).toMatchObject([
      { outcome: "aborted", durationMs: 5, level: 30, fault: { tag: "Aborted" } },
    ]);
    expect(lines()[0]).not.toHaveProperty("status");
    expect(lines()[0]).not.toHaveProperty("headMs");
  });

  test.each([
    ["before the response", undefined],
    ["before the body ends", 200],
  ])("is cutOff if the server gives up %s", async (_when, status) => {
    const { mock, layered, lines } = bench();
    const server = new AbortController();
    const body = new TestBody();
    const result = layered.call(get, server.signal);
    const arrived = await mock.next();
    if (status !== undefined) {
      arrived.answer({ ...httpResponse(status), body });
      await result;
      body.pipe(nowhere);
    }
    server.abort(new CutOff("draining took longer than 30 s"));
    body.cancel();
    await settled();
    const fault = { tag: "Aborted", cause: { message: "draining took longer than 30 s" } };
    expect(lines()).toMatchObject([{ outcome: "cutOff", level: 40, fault }]);
    expect(lines()[0]?.["status"]).toBe(status);
  });

  test.each([
    ["read", (body: TestBody) => body.end()],
    ["cancelled", (body: TestBody) => body.cancel()],
  ])("is aborted even if the response made from the abort is %s", async (_how, end) => {
    const { answered, lines } = bench();
    const body = new TestBody();
    const fault = { _tag: "Aborted", origin: "local", retryable: false } as const;
    await answered({ ...responseFor(fault, 499), body });
    body.pipe(nowhere);
    end(body);
    await settled();
    expect(lines()).toMatchObject([{ outcome: "aborted", status: 499, level: 30 }]);
  });

  test("is error if a fault leaves the stack", async () => {
    const { failed, lines } = bench();
    await failed(down);
    expect(lines()).toMatchObject([{ outcome: "error", level: 50, fault: { tag: "ConnectFailed" } }]);
    expect(lines()[0]).not.toHaveProperty("status");
  });

  test("is error even if the error is not a fault", async () => {
    const { failed, lines } = bench();
    await failed({ odd: true });
    expect(lines()).toMatchObject([{ outcome: "error", level: 50, err: { odd: true } }]);
  });

  test.each(["rejects", "throws"])("is defect if inner %s, and the call rejects", async (how) => {
    const { mock, layered, lines, state } = bench();
    const defect = new TypeError("a defect");
    if (how === "throws") {
      mock.service.call = () => {
        throw defect;
      };
    }
    const result = layered.call(get);
    if (how === "rejects") (await mock.next()).reject(defect);
    await expect(result).rejects.toBe(defect);
    const err = {
      type: "TypeError",
      message: "a defect",
      stack: expect.stringContaining("endings.test.ts") as string,
    };
    expect(lines()).toMatchObject([{ outcome: "defect", level: 50, err }]);
    expect(state()["inFlight"]).toBe(0);
  });
});

describe("level of a line", () => {
  const complete: CallEnd = { outcome: "complete", status: 200, fault: undefined, durationMs: 1 };
  test.each<[Partial<CallEnd>, string]>([
    [{}, "info"],
    [{ status: 404 }, "info"],
    [{ status: 499 }, "info"],
    [{ status: 500 }, "error"],
    [{ outcome: "broken" }, "warn"],
    [{ outcome: "broken", status: 500 }, "error"],
    [{ status: 429, fault: refused }, "warn"],
    [{ status: 503, fault: refused }, "warn"],
    [{ status: 504, fault: down }, "error"],
    [{ status: 200, fault: down }, "error"],
    [{ outcome: "error", status: undefined, fault: refused }, "warn"],
    [{ outcome: "error", status: undefined, fault: down }, "error"],
    [{ outcome: "error", status: undefined }, "error"],
    [{ outcome: "defect", status: undefined }, "error"],
    [{ outcome: "aborted", status: 500, fault: refused }, "info"],
  ])("of %o is %s", (change, level) => {
    expect(levelOf({ ...complete, ...change })).toBe(level);
  });

  test("comes from the level option, given the end of the call and the request", async () => {
    const ends: CallEnd[] = [];
    const { answered, lines } = bench({
      level(end, { path }) {
        ends.push(end);
        return path === "/health" ? "silent" : "debug";
      },
    });
    await answered(responseFor(refused));
    await answered(httpResponse(200), { ...get, path: "/health" });
    expect(lines()).toMatchObject([{ level: 20, status: 503 }]);
    expect(ends[0]).toEqual({ outcome: "complete", status: 503, fault: refused, durationMs: 0 });
  });

  test("when disabled, builds no entry", async () => {
    let asked = 0;
    const { answered, failed, lines, state } = bench({ fields: () => ({ asked: ++asked }) }, "warn");
    await answered(httpResponse(200));
    expect([lines(), asked, state()]).toEqual([[], 0, { inFlight: 0, lines: 0, defects: 0 }]);
    await failed(down);
    expect([lines().length, asked]).toEqual([1, 1]);
  });

  test("bypasses the layer if the logger is silent", async () => {
    const { mock, layered, state } = bench({}, "silent");
    void layered.call(get);
    expect((await mock.next()).request).toBe(get);
    expect(state()["inFlight"]).toBe(0);
  });
});

describe("ratio", () => {
  async function logged(response: HttpResponse, ratio: number, random: () => number): Promise<number> {
    const { answered, lines } = bench({ ratio, random });
    for (let n = 0; n < 400; n++) await answered(response);
    return lines().length;
  }

  test("samples only the lines below warn", async () => {
    const some = await logged(httpResponse(200), 0.25, seededRandom(3));
    expect(some).toBeGreaterThan(70);
    expect(some).toBeLessThan(130);
    expect(await logged(httpResponse(404), 0, () => 0)).toBe(0);
    expect(await logged(httpResponse(500), 0, () => 0)).toBe(400);
    expect(await logged(responseFor(refused), 0, () => 0)).toBe(400);
  });

  test("writes a line if the draw is below the ratio", async () => {
    expect(await logged(httpResponse(200), 0.5, () => 0.5)).toBe(0);
    expect(await logged(httpResponse(200), 0.5, () => 0.49)).toBe(400);
    expect(await logged(httpResponse(200), 1, () => 1)).toBe(400);
  });
});
