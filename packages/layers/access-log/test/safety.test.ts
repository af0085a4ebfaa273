import { HttpHeaders, httpResponse } from "@pagoda/http";
import { right } from "@pagoda/core";
import * as fc from "fast-check";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { bench, down, get, refused, responseFor } from "./bench.ts";

describe("fault of a line", () => {
  async function faultOf(fault: object): Promise<unknown> {
    const { answered, lines } = bench();
    await answered(responseFor({ ...down, ...fault }));
    return lines()[0]?.["fault"];
  }

  test("has the tag and the error's own fields", async () => {
    expect(await faultOf({ ...refused, retryAfterMs: 750, reason: "success-rate", isHot: true })).toEqual({
      tag: "CircuitOpen",
      origin: "local",
      retryable: true,
      retryAfterMs: 750,
      reason: "success-rate",
      isHot: true,
    });
  });

  test.each<[string, unknown, object]>([
    ["an error", new Error("it broke"), { message: "it broke" }],
    [
      "a system error",
      Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }),
      { message: "connect ECONNREFUSED", code: "ECONNREFUSED" },
    ],
    [
      "an AggregateError without a message",
      Object.assign(new AggregateError([new Error("a refused"), new Error("b refused")]), {
        code: "ECONNREFUSED",
      }),
      { message: "a refused; b refused", code: "ECONNREFUSED" },
    ],
    ["an error without a message", new RangeError(), { message: "RangeError" }],
    ["a fault", refused, { message: "CircuitOpen" }],
    ["a string", "gone", { message: "gone" }],
    ["null", null, { message: "null" }],
    ["an object without a message", {}, { message: "an object" }],
  ])("has the cause: %s", async (_what, cause, expected) => {
    expect(await faultOf({ cause })).toMatchObject({ cause: expected });
  });

  test("omits objects, which may hold secrets", async () => {
    expect(await faultOf({ request: { headers: "secret" }, list: ["secret"] })).toEqual({
      tag: "ConnectFailed",
      origin: "upstream",
      retryable: true,
    });
  });
});

describe("untrusted strings", () => {
  test("cannot forge a line", async () => {
    const forged = 'a\r\n{"level":30,"status":200}\n';
    const { answered, texts, lines } = bench({ query: true });
    await answered(httpResponse(200), {
      ...get,
      method: forged,
      authority: forged,
      path: forged,
      query: forged,
      headers: HttpHeaders.of({ "user-agent": forged }),
    });
    expect(texts).toHaveLength(1);
    expect(texts[0]?.trimEnd()).not.toMatch(/[\r\n]/);
    const seen = 'a\\u000d\\u000a{"level":30,"status":200}\\u000a';
    expect(lines()[0]).toMatchObject({
      method: seen,
      authority: seen,
      path: seen,
      query: seen,
      userAgent: seen,
      level: 30,
    });
  });

  test("property: no control character survives, even after the line is parsed", async () => {
    const text = fc.string({ unit: "binary" });
    const { answered, texts, lines } = bench();
    await fc.assert(
      fc.asyncProperty(text, text, text, async (path, agent, message) => {
        texts.length = 0;
        const headers = new HttpHeaders(["user-agent", agent]);
        const cause = new Error(message);
        await answered(responseFor({ ...down, cause }), { ...get, path, headers });
        expect(texts).toHaveLength(1);
        const { path: loggedPath, userAgent, fault } = lines()[0] as Record<string, string>;
        const all = [loggedPath, userAgent, (fault as unknown as { cause: Error }).cause.message].join("");
        expect(all).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
        // The escapes are the only difference.
        const withControls = (logged: string) =>
          logged.replace(/\\u([\da-f]{4})/g, (_all, code: string) =>
            String.fromCharCode(Number.parseInt(code, 16)),
          );
        expect(withControls(loggedPath as string)).toBe(withControls(path));
      }),
    );
  });

  test.each(["\r", "\n", "\u001b", "\u007f", "\u009b", "\u2028", "\u2029"])(
    "escapes %j in every field",
    async (character) => {
      const { answered, lines } = bench();
      const text = `a${character}b`;
      const fault = { ...down, reason: text, cause: Object.assign(new Error(text), { code: text }) };
      await answered(responseFor(fault), { ...get, path: text });
      const seen = `a\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}b`;
      expect(lines()[0]).toMatchObject({
        path: seen,
        fault: { reason: seen, cause: { message: seen, code: seen } },
      });
    },
  );

  test("stay unchanged without control characters", async () => {
    const { answered, lines } = bench();
    await answered(httpResponse(200), { ...get, path: '/caf\u00e9/"\\/\u{1f3ef}' });
    expect(lines()[0]).toMatchObject({ path: '/caf\u00e9/"\\/\u{1f3ef}' });
  });
});

describe("exceptions", () => {
  const thrown = (): never => {
    throw new Error("a defect");
  };

  test("of the destination are counted, and the call continues", async () => {
    const logger = pino({}, { write: thrown });
    const { mock, layered, state } = bench({ logger });
    const result = layered.call(get);
    (await mock.next()).answer(httpResponse(200));
    expect(await result).toMatchObject(right({ status: 200 }));
    expect(state()).toEqual({ inFlight: 0, lines: 0, defects: 1 });
  });

  test("of the logger's level check are counted, and the call continues without a line", async () => {
    const logger = Object.assign(Object.create(pino({ level: "silent" })) as ReturnType<typeof pino>, {
      isLevelEnabled: thrown,
    });
    const { mock, layered, state } = bench({ logger });
    void layered.call(get);
    expect((await mock.next()).request).toBe(get);
    expect(state()).toEqual({ inFlight: 0, lines: 0, defects: 1 });
  });

  test("of level fall back to the default level", async () => {
    const { answered, lines, state } = bench({ level: thrown });
    await answered(responseFor(refused));
    expect([lines()[0]?.["level"], state()["defects"]]).toEqual([40, 1]);
  });

  test("of fields leave the line without them", async () => {
    const { answered, lines, state } = bench({ fields: thrown });
    await answered(httpResponse(200));
    expect(lines()).toMatchObject([{ status: 200, path: "/cart" }]);
    expect(state()).toEqual({ inFlight: 0, lines: 1, defects: 1 });
  });
});
