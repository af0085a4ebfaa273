import { HttpHeaders } from "@pagoda/http";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { directivesOf, secondsOf } from "../src/cache-control.ts";
import { currentAgeMs, initialAgeMs, lifetimeMs } from "../src/freshness.ts";
import { isSelected, namesIn, selecting } from "../src/vary.ts";
import { httpRequest } from "@pagoda/http";
import { bench, date, origin } from "./bench.ts";

const present = Date.UTC(2026, 0, 1);
const seconds = fc.nat(1_000_000);
const options = { shared: true, heuristicRatio: 0.1 };

function headers(fields: Readonly<Record<string, string | undefined>>): HttpHeaders {
  return HttpHeaders.of(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
}

describe("age", () => {
  const exchange = fc.record({
    age: fc.option(seconds, { nil: undefined }),
    dateAgo: fc.option(fc.integer({ min: -1_000_000, max: 1_000_000 }), { nil: undefined }),
    delayMs: fc.integer({ min: -100_000, max: 100_000 }),
    residentMs: fc.nat(1_000_000_000),
  });

  test("property: is that of RFC 9111, 4.2.3", () => {
    fc.assert(
      fc.property(exchange, ({ age, dateAgo, delayMs, residentMs }) => {
        const fields = headers({
          age: age?.toString(),
          date: dateAgo === undefined ? undefined : date(present - dateAgo * 1_000),
        });
        const initial = initialAgeMs(fields, present - delayMs, present);
        const apparent = Math.max(0, (dateAgo ?? 0) * 1_000);
        const corrected = (age ?? 0) * 1_000 + Math.max(0, delayMs);
        expect(initial).toBe(Math.max(apparent, corrected));
        const stored = { initialAgeMs: initial, receivedAt: present };
        expect(currentAgeMs(stored, present + residentMs)).toBe(initial + residentMs);
        // Whatever the clock does, a response does not become younger than it was.
        expect(currentAgeMs(stored, present - residentMs)).toBe(initial);
      }),
    );
  });

  test("property: any text in Age and Date gives a number that is not negative", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (age, text) => {
        expect(
          initialAgeMs(new HttpHeaders(["age", age, "date", text]), present, present),
        ).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe("lifetime", () => {
  const parts = fc.record({
    sMaxage: fc.option(seconds, { nil: undefined }),
    maxAge: fc.option(seconds, { nil: undefined }),
    expiresIn: fc.option(fc.integer({ min: -1_000_000, max: 1_000_000 }), { nil: undefined }),
    modifiedAgo: fc.option(fc.integer({ min: -1_000_000, max: 10_000_000 }), { nil: undefined }),
    shared: fc.boolean(),
  });

  test("property: the first of s-maxage, max-age, Expires and the heuristic decides", () => {
    fc.assert(
      fc.property(parts, ({ sMaxage, maxAge, expiresIn, modifiedAgo, shared }) => {
        const fields = headers({
          "cache-control": [
            ...(sMaxage === undefined ? [] : [`s-maxage=${sMaxage}`]),
            ...(maxAge === undefined ? [] : [`max-age="${maxAge}"`]),
          ].join(", "),
          date: date(present),
          expires: expiresIn === undefined ? undefined : date(present + expiresIn * 1_000),
          "last-modified": modifiedAgo === undefined ? undefined : date(present - modifiedAgo * 1_000),
        });
        const heuristic = Math.min(Math.max(0, (modifiedAgo ?? 0) / 10), 86_400);
        const expected =
          (shared ? sMaxage : undefined) ??
          maxAge ??
          (expiresIn === undefined ? undefined : Math.max(0, expiresIn)) ??
          heuristic;
        const lifetime = lifetimeMs(fields, directivesOf(fields), present, true, { ...options, shared });
        expect(lifetime).toBeCloseTo(expected * 1_000, 3);
      }),
    );
  });

  test("property: any text gives a number that is not negative", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (control, expires, modified, text) => {
        const raw = ["cache-control", control, "expires", expires, "last-modified", modified, "date", text];
        const fields = new HttpHeaders(raw);
        expect(lifetimeMs(fields, directivesOf(fields), present, true, options)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  test("property: a stored response is used exactly while its age is below its lifetime", async () => {
    const numbers = fc.record({ maxAge: fc.nat(100), age: fc.nat(100), after: fc.nat(200) });
    await fc.assert(
      fc.asyncProperty(numbers, async ({ maxAge, age, after }) => {
        const { ask, clock, mock, layered, request } = bench();
        await ask({}, origin({ "cache-control": `max-age=${maxAge}`, age: `${age}`, etag: '"1"' }));
        await clock.advance(after * 1_000);
        void layered.call(request({}));
        expect(mock.calls.length === 1).toBe(age + after < maxAge);
      }),
      { numRuns: 200 },
    );
  });
});

describe("Cache-Control", () => {
  const token = fc.stringMatching(/^[a-z][a-z-]{0,8}$/);
  const value = fc.oneof(
    fc.constant(undefined),
    fc.stringMatching(/^[\w.-]{1,6}$/),
    fc.stringMatching(/^[\w ,;=.-]{0,12}$/).map((text) => `"${text}"`),
  );
  const directives = fc.uniqueArray(fc.tuple(token, value), { selector: ([name]) => name, maxLength: 6 });

  test("property: reads what was written, whatever the white space, case and lines", () => {
    const space = fc.constantFrom("", " ", "  ", "\t");
    fc.assert(
      fc.property(directives, space, fc.boolean(), fc.boolean(), (written, gap, isUpper, splits) => {
        const texts = written.map(([name, each]) => {
          const shown = isUpper ? name.toUpperCase() : name;
          return each === undefined ? shown : `${shown}=${each}`;
        });
        const lines = splits ? texts : [texts.join(`${gap},${gap}`)];
        const read = directivesOf(HttpHeaders.of({ "cache-control": lines }));
        const expected = written.map(([name, each]) => [name, each?.replaceAll('"', "")]);
        expect([...read]).toEqual(expected);
      }),
    );
  });

  test("property: reads any text", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (lines) => {
        for (const name of directivesOf(HttpHeaders.of({ "cache-control": lines })).keys())
          secondsOf(directivesOf(HttpHeaders.of({ "cache-control": lines })), name);
      }),
    );
  });

  test("takes time in proportion to the length of a hostile field", () => {
    const hostile = new HttpHeaders(["cache-control", `a="${"\\".repeat(60_000)}${" ".repeat(60_000)}`]);
    expect(directivesOf(hostile).size).toBeGreaterThan(0);
  });
});

describe("Vary", () => {
  const names = fc.uniqueArray(fc.constantFrom("accept", "accept-encoding", "cookie", "x-a"), {
    minLength: 1,
  });
  const fields = fc.dictionary(fc.constantFrom("accept", "accept-encoding", "cookie", "x-a"), fc.string());

  test("property: a request selects what it selected before, in any order of names", () => {
    fc.assert(
      fc.property(names, fields, (vary, sent) => {
        const request = httpRequest("http://a/", { headers: HttpHeaders.of(Object.entries(sent)) });
        const inOrder = namesIn(HttpHeaders.of({ vary: vary.join(", ") })) ?? [];
        const selectedBy = selecting(inOrder, request);
        expect(isSelected(selectedBy, request)).toBe(true);
        const reversed = namesIn(
          HttpHeaders.of({ Vary: vary.map((name) => name.toUpperCase()).toReversed() }),
        );
        expect(reversed).toEqual(inOrder);
        const [first = ""] = inOrder;
        const other = { ...request, headers: request.headers.set(first, "quite another value") };
        expect(isSelected(selectedBy, other)).toBe(false);
      }),
    );
  });
});
