import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LinearRegex, Substitution } from "@pagoda/linear-regex";
import { RE2JS } from "re2js";
import { groupedPatterns, native, patterns, texts } from "./regexes.ts";

/** A backtracking engine takes 34 s and more for such texts, this one far less than a millisecond. */
const boundMs = 50;

function timed(run: () => unknown): number {
  const startedAt = process.cpuUsage();
  run();
  return process.cpuUsage(startedAt).user / 1_000;
}

/** Random patterns may be too large; the properties are about the others. */
function orTooLarge<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    fc.pre(!(error as Error).message.includes("the pattern is too large"));
    throw error;
  }
}

/** Captures 1 to 3 as RE2 has them, in the form that the property asks for. */
function replacedByRe2(source: string, text: string): string | undefined {
  const matcher = RE2JS.compile(source).matcher(text);
  if (!matcher.matches()) return undefined;
  const [first, second, third] = [1, 2, 3].map((group) => matcher.group(group) ?? "");
  return `<${first}|${second}|$|${third}>`;
}

/** A class of this many ranges. */
function classOf(ranges: number, first: number = 0x100): string {
  const units = Array.from({ length: ranges }, (_, n) => String.fromCharCode(first + 2 * n));
  return `[${units.join("")}]`;
}

describe("LinearRegex", () => {
  test.each([
    ["a literal", `/${"a".repeat(10_000)}`, "10000 characters"],
    ["a large class, repeated", `${classOf(9_000)}{990}`, "500000 steps"],
    [
      "many classes",
      Array.from({ length: 900 }, (_, n) => classOf(2, 0x100 + 2 * n)).join("b"),
      "500000 steps",
    ],
    ["optional parts", "(?:a?){660}b", "500000 steps"],
  ])("the time to compile is bounded for %s (defect: was up to minutes)", (_, source, message) => {
    for (const make of [() => new LinearRegex(source), () => new Substitution(source, "$0")])
      expect(make).toThrow(`the pattern is too large: more than ${message}`);
  });

  test("patterns below those bounds match", () => {
    expect(new LinearRegex(`/${"a".repeat(9_999)}`).matches(`/${"a".repeat(9_999)}`)).toBe(true);
    const large = new LinearRegex(`${classOf(1_000)}{40}`);
    expect([large.matches("\u0100".repeat(40)), large.matches("\u0101".repeat(40))]).toEqual([true, false]);
  });

  test("property: matches what RegExp and RE2 match", () => {
    fc.assert(
      fc.property(patterns, fc.array(texts, { minLength: 1, maxLength: 10 }), (source, all) => {
        const pattern = orTooLarge(() => new LinearRegex(source));
        const re2 = RE2JS.compile(source);
        for (const text of all) {
          const matches = pattern.matches(text);
          expect([source, text, matches]).toEqual([source, text, native(source).test(text)]);
          expect([source, text, matches]).toEqual([source, text, re2.matches(text)]);
        }
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
  ])("%s has the literal prefix %j and matches %j, not %j", (source, literal, matched, other) => {
    const pattern = new LinearRegex(source);
    expect([pattern.literal, pattern.source]).toEqual([literal, source]);
    expect([pattern.matches(matched), pattern.matches(other)]).toEqual([source !== "[]", false]);
  });

  test.each([
    ["/(", "unclosed ("],
    ["/)", "unmatched )"],
    ["/[a", "unclosed ["],
    ["/[b-a]", "invalid range"],
    ["/[a-\\d]", "invalid range"],
    ["/[\\d-z]", "a class escape cannot begin a range"],
    ["/*?*", "nested quantifier"],
    ["*", "nothing to repeat"],
    ["/a{3,2}", "invalid quantifier {3,2}"],
    ["/a{1001}", "invalid quantifier {1001}"],
    ["/{id}", "incomplete quantifier"],
    ["/a}", "unescaped }; write \\}"],
    ["/a^b", "^ is only allowed at the ends"],
    ["/(a$)", "$ is only allowed at the ends"],
    ["/(a)\\1", "backreferences are not supported"],
    ["/(?<n>a)\\k<n>", "backreferences are not supported"],
    ["/(?<n>a)(?<n>b)", "duplicate group name n"],
    ["/(?=a)", "lookaround is not supported"],
    ["/(?<!a)b", "lookaround is not supported"],
    ["/(?i:a)", "unsupported group"],
    ["/\\bfoo", "unsupported escape \\b"],
    ["/\\p{L}", "unsupported escape \\p"],
    ["/\\", "unsupported escape \\"],
    ["/(a{100}){100}", "more than 2000 NFA states"],
    [`${"(".repeat(101)}${")".repeat(101)}`, "groups nested deeper than 100"],
    [".*a.{20}", "more than 1000 DFA states"],
  ])("rejects %s", (source, message) => {
    expect(() => new LinearRegex(source)).toThrow(SyntaxError);
    expect(() => new LinearRegex(source)).toThrow(message);
  });

  test.each([
    ["/(a+)+", "a"],
    ["/(a|a)*", "a"],
    ["/(a|aa)+b", "a"],
    ["/.*.*.*.*z", "x"],
    ["/(x+x+)+y", "x"],
    ["/([a-z]+)*[a-z]{50}!", "q"],
  ])("%s is fast for any text", (source, letter) => {
    const pattern = new LinearRegex(source);
    const hostile = `/${letter.repeat(60_000)}?`;
    expect(pattern.matches(hostile)).toBe(false);
    expect(timed(() => pattern.matches(hostile))).toBeLessThan(boundMs);
  });
});

describe("Substitution", () => {
  test("property: replaces as String.replace does, with the captures of RE2", () => {
    const replacement = "<$1|$2|$$|$3>";
    fc.assert(
      fc.property(groupedPatterns, fc.array(texts, { minLength: 1, maxLength: 10 }), (source, all) => {
        // Three more groups, so that every group in the replacement exists.
        const whole = `${source}()()()`;
        const substitution = orTooLarge(() => new Substitution(whole, replacement));
        for (const text of all) {
          const replaced = substitution.apply(text);
          const wanted = native(whole).test(text) ? text.replace(native(whole), replacement) : undefined;
          expect([whole, text, replaced]).toEqual([whole, text, wanted]);
          expect([whole, text, replaced]).toEqual([whole, text, replacedByRe2(whole, text)]);
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
  ])("%s to %s turns %s into %s", (pattern, replacement, text, wanted) => {
    expect(new Substitution(pattern, replacement).apply(text)).toBe(wanted);
  });

  test.each(["/$2", "/$<name>", "/$", "/$10"])("rejects %s, which names no group", (replacement) => {
    expect(() => new Substitution("/(a)", replacement)).toThrow("names no group of the pattern");
  });

  test("is fast for any text", () => {
    const substitution = new Substitution("/((a+)+)(b?)", "/$1");
    const matched = `/${"a".repeat(20_000)}`;
    expect(substitution.apply(matched)).toBe(matched);
    expect(timed(() => substitution.apply(matched))).toBeLessThan(10 * boundMs);
    expect(timed(() => substitution.apply(`${matched}!`))).toBeLessThan(10 * boundMs);
  });
});
