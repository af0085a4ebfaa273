import { HttpHeaders, httpResponse } from "@pagoda/http";
import { right } from "fp-ts/lib/Either.js";
import * as fc from "fast-check";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { bench, down, get, refused, responseFor } from "./bench.ts";

describe("the error behind a response", () => {
  async function faultOf(fault: object): Promise<unknown> {
    const { answered, lines } = bench();
    await answered(responseFor({ ...down, ...fault }));
    return lines()[0]?.["fault"];
  }

  test("is there with its tag and what it says of itself", async () => {
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
      "the system's error",
      Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }),
      { message: "connect ECONNREFUSED", code: "ECONNREFUSED" },
    ],
    [
      "several errors in one, which has no message of its own",
      Object.assign(new AggregateError([new Error("a refused"), new Error("b refused")]), {
        code: "ECONNREFUSED",
      }),
      { message: "a refused; b refused", code: "ECONNREFUSED" },
    ],
    ["an error without a message", new RangeError(), { message: "RangeError" }],
    ["a fault", refused, { message: "CircuitOpen" }],
    ["a text", "gone", { message: "gone" }],
    ["null", null, { message: "null" }],
    ["an object that says nothing", {}, { message: "an object" }],
  ])("is there with its cause, which is %s", async (_what, cause, expected) => {
    expect(await faultOf({ cause })).toMatchObject({ cause: expected });
  });

  test("has nothing of it that is an object: that may hold anything", async () => {
    expect(await faultOf({ request: { headers: "secret" }, list: ["secret"] })).toEqual({
      tag: "ConnectFailed",
      origin: "upstream",
      retryable: true,
    });
  });
});

describe("what comes from outside", () => {
  test("cannot end a line, or pretend to be another one", async () => {
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

  test("property: no text has a control character, also once the line has been parsed", async () => {
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
        // Nothing else is changed: what stands for a control character is the only difference.
        const withControls = (logged: string) =>
          logged.replace(/\\u([\da-f]{4})/g, (_all, code: string) =>
            String.fromCharCode(Number.parseInt(code, 16)),
          );
        expect(withControls(loggedPath as string)).toBe(withControls(path));
      }),
    );
  });

  test.each(["\r", "\n", "\u001b", "\u007f", "\u009b", "\u2028", "\u2029"])(
    "has %j as what it looks like, wherever it stands",
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

  test("stays as it is where it controls nothing", async () => {
    const { answered, lines } = bench();
    await answered(httpResponse(200), { ...get, path: '/caf\u00e9/"\\/\u{1f3ef}' });
    expect(lines()[0]).toMatchObject({ path: '/caf\u00e9/"\\/\u{1f3ef}' });
  });
});

describe("what throws", () => {
  const thrown = (): never => {
    throw new Error("a defect");
  };

  test("the destination: the call goes on, and it is counted", async () => {
    const logger = pino({}, { write: thrown });
    const { mock, layered, state } = bench({ logger });
    const result = layered.call(get);
    (await mock.next()).answer(httpResponse(200));
    expect(await result).toMatchObject(right({ status: 200 }));
    expect(state()).toEqual({ inFlight: 0, lines: 0, defects: 1 });
  });

  test("the logger, when it is asked for its level: the call goes on without a line", async () => {
    const logger = Object.assign(Object.create(pino({ level: "silent" })) as ReturnType<typeof pino>, {
      isLevelEnabled: thrown,
    });
    const { mock, layered, state } = bench({ logger });
    void layered.call(get);
    expect((await mock.next()).request).toBe(get);
    expect(state()).toEqual({ inFlight: 0, lines: 0, defects: 1 });
  });

  test("an own level: the line has the usual one", async () => {
    const { answered, lines, state } = bench({ level: thrown });
    await answered(responseFor(refused));
    expect([lines()[0]?.["level"], state()["defects"]]).toEqual([40, 1]);
  });

  test("own fields: the line is there without them", async () => {
    const { answered, lines, state } = bench({ fields: thrown });
    await answered(httpResponse(200));
    expect(lines()).toMatchObject([{ status: 200, path: "/cart" }]);
    expect(state()).toEqual({ inFlight: 0, lines: 1, defects: 1 });
  });
});
