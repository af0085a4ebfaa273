import { canonicalAddress } from "@pagoda/core";
import type { HttpRequest } from "@pagoda/http";
import type { Facts, Test } from "./compile.ts";
import type { AuthorizeOptions } from "./options.ts";
import { Policy } from "./policy.ts";
import type { Rule } from "./rule.ts";

/** The first thing that a request is not as a rule wants it. */
export interface RuleMismatch {
  readonly what: Test["what"];
  /** As the rule says it. */
  readonly wanted: readonly string[];
  /** Several for a path that can be read in several ways; empty where the request has none. */
  readonly found: readonly string[];
}

/** What one rule has to say on a request. */
export interface RuleExplanation {
  readonly rule: string;
  readonly effect: "allow" | "deny";
  readonly matched: boolean;
  readonly mismatch?: RuleMismatch;
}

/** Why a request passes or does not. All of it is JSON. */
export interface Explanation {
  readonly allowed: boolean;
  /** What decided: a rule, `otherwise` or `unreadable`. */
  readonly rule: string;
  /** In the order in which they are asked; none for a request that is unreadable. */
  readonly rules: readonly RuleExplanation[];
}

/**
 * What a layer with the same options does with a request, and why. It makes the rules ready for this one request: for
 * tools and tests.
 *
 * @throws RangeError that lists everything that is wrong with the rules.
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
  const { what, wanted } = failed;
  return { rule: name, effect, matched: false, mismatch: { what, wanted, found: foundIn(facts, what) } };
}

function foundIn({ request, host, paths, identity, address }: Facts, what: Test["what"]): readonly string[] {
  const found = {
    method: request.method,
    host,
    path: paths,
    route: request.route?.name,
    identity,
    address: address === undefined ? undefined : (canonicalAddress(address) ?? address),
  }[what];
  if (found === undefined) return [];
  return typeof found === "string" ? [found] : found;
}
