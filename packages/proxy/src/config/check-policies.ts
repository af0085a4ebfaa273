import { type Rule, ruleProblems } from "@pagoda/authorize";
import { knownMethods } from "@pagoda/http";
import { limitOf } from "../data-plane/limit.ts";
import type {
  AuthorizePolicy,
  ClusterPolicies,
  ConcurrencyPolicy,
  ListenerPolicies,
  RateLimitPolicy,
  RoutePolicies,
} from "./schema/policies.ts";
import { durationText } from "./schema/units.ts";

type RetryConditions = NonNullable<RoutePolicies["retry"]>["on"];
export type Path = readonly (string | number)[];
/** @param by What it is owed to, where that is not the path alone: nothing is said while that itself is not valid. */
export type Report = (path: Path, message: string, by?: readonly Path[]) => void;

export function checkListenerPolicies(path: Path, policies: ListenerPolicies, report: Report): void {
  checkRules([...path, "authorize"], policies.authorize, report);
  policies.authorize?.rules.forEach(({ to }, n) => {
    if (to?.routes !== undefined)
      report(
        [...path, "authorize", "rules", n, "to", "routes"],
        "no route is known here yet; valid is to say it in the policies of the routes",
      );
  });
  checkRateLimit([...path, "rateLimit"], policies.rateLimit, report);
  checkConcurrency([...path, "concurrencyLimit"], policies.concurrencyLimit, report);
}

export function checkRoutePolicies(path: Path, route: string, policies: RoutePolicies, report: Report): void {
  checkRules([...path, "authorize"], policies.authorize, report);
  policies.authorize?.rules.forEach(({ to }, n) => {
    if (to?.routes?.includes(route) === false)
      report(
        [...path, "authorize", "rules", n, "to", "routes"],
        `is ${JSON.stringify(to.routes)}, but here it is ${route}: the rule would never be true`,
      );
  });
  checkRateLimit([...path, "rateLimit"], policies.rateLimit, report);
  checkConcurrency([...path, "concurrencyLimit"], policies.concurrencyLimit, report);
  if (policies.retry === undefined) return;
  checkRetry([...path, "retry", "on"], policies.retry.on, report);
  const { base, max } = policies.retry.backoff;
  checkOrder([...path, "retry", "backoff"], ["base", base], ["max", max], report);
}

function checkRetry(path: Path, { methods }: RetryConditions, report: Report): void {
  methods.forEach((method, n) => {
    const upper = method.toUpperCase();
    if (!/^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/.test(method))
      report([...path, "methods", n], `must be an HTTP method (got ${JSON.stringify(method)})`);
    else if (upper === "CONNECT")
      report([...path, "methods", n], "must not be CONNECT: a tunnel cannot be opened twice");
    else if (method !== upper && knownMethods.has(upper))
      report(
        [...path, "methods", n],
        `must be an HTTP method, which are case-sensitive: ${upper} (got ${method})`,
      );
  });
}

export function checkClusterPolicies(path: Path, policies: ClusterPolicies, report: Report): void {
  checkConcurrency([...path, "concurrencyLimit"], policies.concurrencyLimit, report);
  if (policies.circuitBreaker === undefined) return;
  const { open, maxOpen } = policies.circuitBreaker;
  checkOrder([...path, "circuitBreaker"], ["open", open], ["maxOpen", maxOpen], report);
}

/** Where clients show no certificates nobody has an identity. */
export function checkIdentities(
  path: Path,
  policies: ListenerPolicies | RoutePolicies,
  report: Report,
): void {
  const nobody = "no client has an identity here; valid is that together with tls.clients of the listener";
  policies.authorize?.rules.forEach(({ from }, n) => {
    if (from?.identities !== undefined)
      report([...path, "authorize", "rules", n, "from", "identities"], nobody);
  });
  if (policies.rateLimit?.perClient?.by === "identity")
    report([...path, "rateLimit", "perClient", "by"], nobody);
  if (policies.clientConcurrency?.by === "identity") report([...path, "clientConcurrency", "by"], nobody);
}

/** Of two durations the one must not be longer than the other, which may be a default. */
export function checkOrder(
  path: Path,
  [name, ms]: readonly [name: string, ms: number],
  [limit, limitMs]: readonly [name: string, ms: number],
  report: Report,
): void {
  if (ms > limitMs)
    report(
      [...path, name],
      `is ${durationText(ms)}; valid is at most ${limit}, which is ${durationText(limitMs)}`,
    );
}

export function checkField(path: Path, name: string, report: Report): void {
  if (!/^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/.test(name))
    report(path, `is "${name}"; valid is the name of a header field`);
}

function checkRules(path: Path, policy: AuthorizePolicy | undefined, report: Report): void {
  if (policy === undefined) return;
  for (const { rule, path: at, value, expected } of ruleProblems(policy.rules as readonly Rule[])) {
    const n = policy.rules.findLastIndex(({ name }) => name === rule);
    const got = value === undefined ? "missing" : `got ${JSON.stringify(value)}`;
    report([...path, "rules", n, ...at], `must be ${expected} (${got})`);
  }
}

function checkRateLimit(path: Path, policy: RateLimitPolicy | undefined, report: Report): void {
  const by = policy?.perClient?.by;
  if (typeof by === "object") checkField([...path, "perClient", "by", "header"], by.header, report);
}

/** The defaults of an algorithm are its own, and so is what goes with them. */
function checkConcurrency(path: Path, limit: ConcurrencyPolicy | undefined, report: Report): void {
  if (limit === undefined) return;
  try {
    limitOf(limit);
  } catch (error) {
    const { message } = error as RangeError;
    const [, name, problem] = /^concurrency-limit: (\w+) (must be .*)$/s.exec(message) ?? [];
    if (name === undefined) throw error;
    report([...path, name], problem as string);
  }
}
