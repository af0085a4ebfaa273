import { canonicalAddress } from "@pagoda/core";
import { claimAt, type ClaimPath, type HttpRequest } from "@pagoda/http";
import type { Facts, Test } from "./compile.ts";
import type { AuthorizeOptions } from "./options.ts";
import { Policy } from "./policy.ts";
import type { Rule } from "./rule.ts";

/** The first part of a request that a rule does not match. */
export interface RuleMismatch {
  readonly what: Test["what"];
  /** The claim that it is about. */
  readonly claim?: ClaimPath;
  /** As written in the rule. */
  readonly wanted: readonly string[];
  /** All variants of an ambiguous path; empty if the request has no value. */
  readonly found: readonly string[];
}

/** Whether one rule matches a request. */
export interface RuleExplanation {
  readonly rule: string;
  readonly effect: "allow" | "deny";
  readonly matched: boolean;
  readonly mismatch?: RuleMismatch;
}

/** Why a request is allowed or denied. Serializable as JSON. */
export interface Explanation {
  readonly allowed: boolean;
  /** The rule that decided, `otherwise` or `unreadable`. */
  readonly rule: string;
  /** In order of evaluation; empty for an unreadable request. */
  readonly rules: readonly RuleExplanation[];
}

/**
 * Returns what a layer with the same options decides on a request, and why. It compiles the rules
 * for each call: for tools and tests.
 *
 * @throws RangeError listing all problems of the rules.
 */
export function explain<Req extends HttpRequest>(
  options: AuthorizeOptions<Req>,
  request: NoInfer<Req>,
): Explanation {
  const policy = new Policy<Req>(options);
  const { allowed, rule } = policy.decide(request);
  const facts = policy.factsOf(request);
  if (facts === undefined) return { allowed, rule, rules: [] };
  const rules = policy.compiled.map(({ rule, tests }) => explainOne(rule, tests, facts));
  return { allowed, rule, rules };
}

function explainOne({ name, effect }: Rule, tests: readonly Test[], facts: Facts): RuleExplanation {
  const failed = tests.find(({ passes }) => !passes(facts));
  if (failed === undefined) return { rule: name, effect, matched: true };
  const { what, wanted, claim } = failed;
  const found = foundIn(facts, failed);
  const mismatch = { what, ...(claim !== undefined && { claim }), wanted, found };
  return { rule: name, effect, matched: false, mismatch };
}

function foundIn(
  { request, host, paths, identity, address, claims }: Facts,
  { what, claim }: Test,
): readonly string[] {
  const value = claim === undefined ? undefined : claimAt(claims, claim);
  const found = {
    method: request.method,
    host,
    path: paths,
    route: request.route?.name,
    identity,
    address: address === undefined ? undefined : (canonicalAddress(address) ?? address),
    claim: typeof value === "string" || value === undefined ? value : JSON.stringify(value),
  }[what];
  if (found === undefined) return [];
  return typeof found === "string" ? [found] : found;
}
