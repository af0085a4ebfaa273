import { canonicalNetwork, type Json, mustBe, oneOf, validNetwork } from "@pagoda/core";
import { readings } from "./readings.ts";
import type { Rule } from "./rule.ts";

/** Something in a list of rules that makes no sense. */
export interface RuleProblem {
  /** The rule's name; `rules[3]` where it has none. */
  readonly rule: string;
  /** Where in the rule: `["from", "addresses", 0]`. */
  readonly path: readonly (string | number)[];
  readonly value: Json | undefined;
  /** What the value must be: `a method in upper case`. */
  readonly expected: string;
}

type Report = (path: readonly (string | number)[], value: unknown, expected: string) => void;

/** What a fault says instead of a rule's name. */
const reserved = ["otherwise", "unreadable"];

/** For each list of a rule what its entries must be, and how that is said. */
const lists: Readonly<Record<string, Readonly<Record<string, readonly [RegExp | Check, string]>>>> = {
  from: {
    identities: [/^(?:\*|\*?[^*]+|[^*]+\*)$/, "an identity, with a * at most as its first or last character"],
    addresses: [(text) => canonicalNetwork(text) !== undefined, validNetwork],
  },
  to: {
    methods: [/^[!#$%&'*+\-.^_`|~\dA-Z]+$/, "a method in upper case"],
    paths: [
      isRulePath,
      "a path as on the wire, or one with /* at its end; without query, dot segments, //, %2f, ;",
    ],
    hosts: [
      /^(?:\[[\dA-Fa-f:.]+\]|(?:\*\.)?[\w-]+(?:\.[\w-]+)*)$/,
      "a host without port, or *. and the end of one",
    ],
    routes: [/./, "the name of a route"],
  },
};

type Check = (text: string) => boolean;

/** One that can be read in two ways would hardly ever allow anything. */
function isRulePath(path: string): boolean {
  const exact = path.endsWith("/*") ? path.slice(0, -1) : path;
  return !exact.includes("*") && typeof readings(exact) === "string";
}

/**
 * Everything that is wrong with a list of rules, for those who read it from a file: also what only a file can have
 * wrong, such as a misspelled field, since a rule that lacks a field is true of more requests than was meant.
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
      report(["name"], name, `a name, for metrics and logs, other than ${reserved.join(" and ")}`);
    else if (names.has(name)) report(["name"], name, "a name that no other rule has");
    names.add(name);
    if (effect !== "allow" && effect !== "deny") report(["effect"], effect, oneOf(["allow", "deny"]));
    checkFields([], rule, ["name", "effect", ...Object.keys(lists)], report);
    for (const part of Object.keys(lists)) if (rule[part] !== undefined) checkPart(part, rule[part], report);
  });
  return problems;
}

function checkPart(part: string, value: unknown, report: Report): void {
  if (!isRecord(value)) return report([part], value, "an object, or left out for all requests");
  const checks = lists[part] as NonNullable<(typeof lists)[string]>;
  checkFields([part], value, Object.keys(checks), report);
  for (const [field, [check, expected]] of Object.entries(checks)) {
    const list = value[field];
    if (list === undefined) continue;
    if (!Array.isArray(list) || list.length === 0) {
      report([part, field], list, "a list of at least one entry, or left out for all requests");
      continue;
    }
    list.forEach((entry: unknown, n) => {
      const isValid =
        typeof entry === "string" && (check instanceof RegExp ? check.test(entry) : check(entry));
      if (!isValid) report([part, field, n], entry, expected);
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
      report([...place, field], value[field], `left out, for the fields are ${known.join(", ")}`);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** All of them in one error. */
export function problemsError(problems: readonly RuleProblem[]): RangeError {
  const lines = problems.map(({ rule, path, value, expected }) =>
    mustBe(`rule ${rule}${path.length === 0 ? "" : `: ${path.join(".")}`}`, expected, value),
  );
  return new RangeError(`authorize: ${lines.join("\nauthorize: ")}`);
}
