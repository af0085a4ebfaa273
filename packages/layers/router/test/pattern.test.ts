import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Pattern } from "@pagoda/router";
import { Substitution } from "../src/pattern/substitution.ts";
import { groupedPatterns, native, patterns, texts } from "./regexes.ts";

/** So long a path takes JavaScript's own engine 34 s and more, and this one far less than a millisecond. */
const boundMs = 50;

function timed(run: () => unknown): number {
  const startedAt = process.cpuUsage();
  run();
  return process.cpuUsage(startedAt).user / 1_000;
}

/** A pattern at random may be too large; the property is about the others. */
function orTooLarge<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    fc.pre(!(error as Error).message.includes("more than 1000 states"));
    throw error;
  }
}

describe("pattern", () => {
  test("matches what JavaScript's own matches", () => {
    fc.assert(
      fc.property(patterns, fc.array(texts, { minLength: 1, maxLength: 10 }), (source, all) => {
        const pattern = orTooLarge(() => new Pattern(source));
        for (const text of all)
          expect([source, text, pattern.matches(text)]).toEqual([source, text, native(source).test(text)]);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ["/users/[0-9]+", "/users/", "/users/17", "/users/17/x"],
    ["^/users/[0-9]+$", "/users/", "/users/17", "x/users/17"],
    ["^/a$|^/b$", "", "/b", "/ab"],
    ["/a|/b", "", "/a", "/a/b"],
    ["/a+", "/", "/aaa", "/"],
    ["/(?<id>\\w{2,3})\\.(?:png|jpg)", "/", "/abc.jpg", "/abcd.jpg"],
    ["/\\x41\\u0042\\t\\/\\-", "/AB\t/-", "/AB\t/-", "/AB\t/"],
    ["[]", "", "", "a"],
    ["[^]", "", "∂", "∂∂"],
    ["[a\\]-]*", "", "]-a", "b"],
  ])("%s begins with %j and matches %j, not %j", (source, literal, matched, other) => {
    const pattern = new Pattern(source);
    expect([pattern.literal, pattern.source]).toEqual([literal, source]);
    expect([pattern.matches(matched), pattern.matches(other)]).toEqual([source !== "[]", false]);
  });

  test.each([
    ["/(", "a ( that is not closed"],
    ["/)", "a ) that closes nothing"],
    ["/[a", "a [ that is not closed"],
    ["/[b-a]", "a range that is none"],
    ["/[a-\\d]", "a range that is none"],
    ["/[\\d-z]", "a range between sets"],
    ["/*?*", "a repetition of a repetition"],
    ["*", "nothing to repeat"],
    ["/a{3,2}", "a repetition of {3,2}"],
    ["/a{1001}", "a repetition of {1001}"],
    ["/{id}", "a { that begins no repetition"],
    ["/a}", "a } by itself; write \\}"],
    ["/a^b", "a ^ inside"],
    ["/(a$)", "a $ inside"],
    ["/(a)\\1", "a back-reference"],
    ["/(?<n>a)\\k<n>", "a back-reference"],
    ["/(?<n>a)(?<n>b)", "a second group named n"],
    ["/(?=a)", "a look-around"],
    ["/(?<!a)b", "a look-around"],
    ["/(?i:a)", "a group of an unknown kind"],
    ["/\\bfoo", "the escape \\b"],
    ["/\\p{L}", "the escape \\p"],
    ["/\\", "the escape \\"],
    ["/(a{100}){100}", "more than 2000 steps"],
    [`${"(".repeat(101)}${")".repeat(101)}`, "groups in groups"],
    [".*a.{20}", "more than 1000 states"],
  ])("refuses %s", (source, message) => {
    expect(() => new Pattern(source)).toThrow(SyntaxError);
    expect(() => new Pattern(source)).toThrow(message);
  });

  test.each([
    ["/(a+)+", "a"],
    ["/(a|a)*", "a"],
    ["/(a|aa)+b", "a"],
    ["/.*.*.*.*z", "x"],
    ["/(x+x+)+y", "x"],
    ["/([a-z]+)*[a-z]{50}!", "q"],
  ])("no path can make %s slow", (source, letter) => {
    const pattern = new Pattern(source);
    const hostile = `/${letter.repeat(60_000)}?`;
    expect(pattern.matches(hostile)).toBe(false);
    expect(timed(() => pattern.matches(hostile))).toBeLessThan(boundMs);
  });
});

describe("substitution", () => {
  test("puts in what JavaScript's own puts in", () => {
    const replacement = "<$1|$2|$$|$3>";
    fc.assert(
      fc.property(groupedPatterns, fc.array(texts, { minLength: 1, maxLength: 10 }), (source, all) => {
        // Three groups more, so that there are always as many as are named.
        const whole = `${source}()()()`;
        const substitution = orTooLarge(() => new Substitution(whole, replacement));
        for (const text of all) {
          const wanted = native(whole).test(text) ? text.replace(native(whole), replacement) : undefined;
          expect([whole, text, substitution.apply(text)]).toEqual([whole, text, wanted]);
        }
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ["/v(?<version>\\d)/(.*)", "/$2/$<version>", "/v1/cart", "/cart/1"],
    ["/(a)|/(b)", "/$1-$2", "/b", "/-b"],
    ["/(.*?)/?", "/x$0/$1", "/ab/", "/x/ab//ab"],
    ["/((a*)*)*", "/$1", "/aaa", "/aaa"],
  ])("%s to %s makes of %s %s", (pattern, replacement, text, wanted) => {
    expect(new Substitution(pattern, replacement).apply(text)).toBe(wanted);
  });

  test.each(["/$2", "/$<name>", "/$", "/$10"])("refuses %s, which names no group", (replacement) => {
    expect(() => new Substitution("/(a)", replacement)).toThrow("is no group of the pattern; write $$");
  });

  test("no path can make it slow", () => {
    const substitution = new Substitution("/((a+)+)(b?)", "/$1");
    const matched = `/${"a".repeat(20_000)}`;
    expect(substitution.apply(matched)).toBe(matched);
    expect(timed(() => substitution.apply(matched))).toBeLessThan(10 * boundMs);
    expect(timed(() => substitution.apply(`${matched}!`))).toBeLessThan(10 * boundMs);
  });
});
