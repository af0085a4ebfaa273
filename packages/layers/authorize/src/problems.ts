import { canonicalNetwork, type Json, mustBe, oneOf, validNetwork } from "@pagoda/core";
import { pathVariants } from "./path-variants.ts";
import type { Rule } from "./rule.ts";

/** A problem in a list of rules. */
export interface RuleProblem {
  /** The rule's name; `rules[3]` if it has none. */
  readonly rule: string;
  /** Path within the rule: `["from", "addresses", 0]`. */
  readonly path: readonly (string | number)[];
  readonly value: Json | undefined;
  /** What the value must be: `a method in upper case`. */
  readonly expected: string;
}

type Report = (path: readonly (string | number)[], value: unknown, expected: string) => void;

/** Values of a fault's `rule` that are not names of rules. */
const reserved = ["otherwise", "unreadable"];

/** The lists of a rule: the check of their entries, and what they must be. */
const lists: Readonly<Record<string, Readonly<Record<string, readonly [Check, string]>>>> = {
  from: {
    identities: [
      text(/^(?:\*|\*?[^*]+|[^*]+\*)$/),
      "an identity, with a * only as its first or last character",
    ],
    addresses: [text((each) => canonicalNetwork(each) !== undefined), validNetwork],
    claims: [isClaimRule, "{ claim, equals } or { claim, contains }, with a list of values"],
  },
  to: {
    methods: [text(/^[!#$%&'*+\-.^_`|~\dA-Z]+$/), "a method in upper case"],
    paths: [
      text(isRulePath),
      "a path as on the wire, which may end in /*, without query, dot segments, //, %2f and ;",
    ],
    hosts: [
      text(/^(?:\[[\dA-Fa-f:.]+\]|(?:\*\.)?[\w-]+(?:\.[\w-]+)*)$/),
      "a host without port, or *. followed by a domain",
    ],
    routes: [text(/./), "the name of a route"],
  },
};

type Check = (entry: unknown) => boolean;

function text(check: RegExp | ((text: string) => boolean)): Check {
  return (entry) => typeof entry === "string" && (check instanceof RegExp ? check.test(entry) : check(entry));
}

function isClaimRule(entry: unknown): boolean {
  if (!isRecord(entry)) return false;
  const { claim, equals, contains, ...rest } = entry;
  const path = Array.isArray(claim) ? claim : [claim];
  if (path.length === 0 || !path.every((name) => typeof name === "string" && name !== "")) return false;
  if (Object.keys(rest).length > 0 || (equals === undefined) === (contains === undefined)) return false;
  const types = equals === undefined ? ["string"] : ["string", "number", "boolean"];
  const values = equals ?? contains;
  return Array.isArray(values) && values.length > 0 && values.every((one) => types.includes(typeof one));
}

/** An ambiguous path is invalid in a rule: it would hardly ever allow anything. */
function isRulePath(path: string): boolean {
  const exact = path.endsWith("/*") ? path.slice(0, -1) : path;
  return !exact.includes("*") && typeof pathVariants(exact) === "string";
}

/**
 * Lists all problems of rules that were read from a file. It also finds what the types would, such
 * as a misspelled field: a rule that lacks a field matches more requests than intended.
 */
export function ruleProblems(rules: readonly Rule[]): readonly RuleProblem[] {
  const problems: RuleProblem[] = [];
  const names = new Set<unknown>();
  if (!Array.isArray(rules))
    return [{ rule: "rules", path: [], value: rules as unknown as Json, expected: "a list of rules" }];
  rules.forEach((rule: unknown, n) => {
    const label =
      isRecord(rule) && typeof rule["name"] === "string" && rule["name"] !== ""
        ? rule["name"]
        : `rules[${n}]`;
    const report: Report = (path, value, expected) =>
      problems.push({ rule: label, path, value: value as Json | undefined, expected });
    if (!isRecord(rule)) return report([], rule, "a rule");
    const { name, effect } = rule;
    if (typeof name !== "string" || name === "" || reserved.includes(name))
      report(["name"], name, `a name other than ${reserved.join(" and ")}`);
    else if (names.has(name)) report(["name"], name, "a name that no other rule has");
    names.add(name);
    if (effect !== "allow" && effect !== "deny") report(["effect"], effect, oneOf(["allow", "deny"]));
    checkFields([], rule, ["name", "effect", ...Object.keys(lists)], report);
    for (const part of Object.keys(lists)) if (rule[part] !== undefined) checkPart(part, rule[part], report);
  });
  return problems;
}

function checkPart(part: string, value: unknown, report: Report): void {
  if (!isRecord(value)) return report([part], value, "an object, or left out to match all requests");
  const checks = lists[part] as NonNullable<(typeof lists)[string]>;
  checkFields([part], value, Object.keys(checks), report);
  for (const [field, [check, expected]] of Object.entries(checks)) {
    const list = value[field];
    if (list === undefined) continue;
    if (!Array.isArray(list) || list.length === 0) {
      report([part, field], list, "a non-empty list, or left out to match all requests");
      continue;
    }
    list.forEach((entry: unknown, n) => {
      if (!check(entry)) report([part, field, n], entry, expected);
    });
  }
}

function checkFields(
  place: readonly string[],
  value: Readonly<Record<string, unknown>>,
  known: readonly string[],
  report: Report,
): void {
  for (const field of Object.keys(value))
    if (!known.includes(field))
      report([...place, field], value[field], `left out: the fields are ${known.join(", ")}`);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Makes one error of all problems. */
export function problemsError(problems: readonly RuleProblem[]): RangeError {
  const lines = problems.map(({ rule, path, value, expected }) =>
    mustBe(`rule ${rule}${path.length === 0 ? "" : `: ${path.join(".")}`}`, expected, value),
  );
  return new RangeError(`authorize: ${lines.join("\nauthorize: ")}`);
}
