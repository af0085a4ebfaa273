import { hostOf, NetworkSet } from "@pagoda/core";
import { claimAt, type HttpRequest } from "@pagoda/http";
import { pathVariants } from "./path-variants.ts";
import type { ClaimRule, OnRoute, Rule } from "./rule.ts";

/** What rules look at in a request. Values that no rule needs are not computed. */
export interface Facts {
  readonly request: HttpRequest & Partial<OnRoute>;
  readonly paths: string | readonly string[];
  readonly host: string;
  readonly identity: string | undefined;
  readonly address: string | undefined;
  readonly claims: object | undefined;
}

/** One condition of a rule. */
export interface Test {
  readonly what: "method" | "host" | "path" | "route" | "identity" | "address" | "claim";
  /** As written in the rule. */
  readonly wanted: readonly string[];
  /** The claim that it is about. */
  readonly claim?: ClaimRule["claim"];
  readonly passes: (facts: Facts) => boolean;
}

/** A compiled rule. */
export interface Compiled {
  readonly rule: Rule;
  /** Cheapest first. */
  readonly tests: readonly Test[];
}

/** @param rule A valid rule. */
export function compile(rule: Rule): Compiled {
  const {
    name,
    effect,
    from: { identities, addresses, claims = [] } = {},
    to: { methods, paths, hosts, routes } = {},
  } = rule;
  const denies = effect === "deny";
  const tests: Test[] = [];
  const add = (
    what: Test["what"],
    wanted: readonly string[] | undefined,
    make: () => Test["passes"],
  ): void => {
    if (wanted !== undefined) tests.push({ what, wanted, passes: make() });
  };

  add("method", methods, () => {
    const named = new Set(methods);
    // Some origins accept `get` for `GET`, so a deny rule covers both and an allow rule does not.
    return ({ request: { method } }) => named.has(method) || (denies && named.has(method.toUpperCase()));
  });
  add("route", routes, () => {
    const named = new Set(routes);
    return ({ request: { route } }) => {
      if (route !== undefined) return named.has(route.name);
      throw new TypeError(`authorize: rule ${name} names routes, but the request has no route`);
    };
  });
  add("host", hosts, () => {
    const isNamed = oneOf(hosts, hostTest);
    return ({ host }) => isNamed(host);
  });
  add("path", paths, () => {
    const isNamed = oneOf(paths, denies ? deniedPath : allowedPath);
    return ({ paths }) => {
      if (typeof paths === "string") return isNamed(paths);
      return denies ? paths.some(isNamed) : paths.every(isNamed);
    };
  });
  add("identity", identities, () => {
    const isNamed = oneOf(identities, identityTest);
    return ({ identity }) => identity !== undefined && isNamed(identity);
  });
  add("address", addresses, () => {
    const set = new NetworkSet(addresses ?? []);
    return ({ address }) => address !== undefined && set.has(address);
  });
  for (const claim of claims) tests.push(claimTest(claim));
  return { rule, tests };
}

function claimTest({ claim, equals, contains }: ClaimRule): Test {
  if (equals !== undefined) {
    const values = new Set<unknown>(equals);
    const passes: Test["passes"] = ({ claims }) => values.has(claimAt(claims, claim));
    return { what: "claim", wanted: equals.map(String), claim, passes };
  }
  const values = new Set<unknown>(contains);
  const passes: Test["passes"] = ({ claims }) => {
    const value = claimAt(claims, claim);
    const all: readonly unknown[] =
      typeof value === "string" ? value.split(" ") : Array.isArray(value) ? value : [];
    return all.some((one) => values.has(one));
  };
  return { what: "claim", wanted: contains ?? [], claim, passes };
}

type IsNamed = (text: string) => boolean;

/** Matches a string if one entry of the list does. */
function oneOf(wanted: readonly string[] = [], testOf: (wanted: string) => IsNamed): IsNamed {
  const tests = wanted.map(testOf);
  return (text) => {
    for (const test of tests) if (test(text)) return true;
    return false;
  };
}

function hostTest(wanted: string): IsNamed {
  const lower = hostOf(wanted);
  if (!lower.startsWith("*")) return (host) => host === lower;
  const end = lower.slice(1);
  return (host) => host.endsWith(end);
}

function identityTest(wanted: string): IsNamed {
  if (wanted.endsWith("*")) return startsWith(wanted.slice(0, -1));
  if (!wanted.startsWith("*")) return (identity) => identity === wanted;
  const end = wanted.slice(1);
  return (identity) => identity.endsWith(end);
}

function startsWith(beginning: string): IsNamed {
  return (text) => text.startsWith(beginning);
}

function allowedPath(wanted: string): IsNamed {
  if (wanted.endsWith("/*")) return below(wanted);
  const exact = read(wanted);
  return (path) => path === exact;
}

/** Many origins accept `/cart/` for `/cart`, so a deny rule covers both. */
function deniedPath(wanted: string): IsNamed {
  if (wanted.endsWith("/*")) return below(wanted);
  const exact = withoutSlash(read(wanted));
  return (path) => withoutSlash(path) === exact;
}

function below(wanted: string): IsNamed {
  const prefix = read(wanted.slice(0, -1));
  const itself = prefix.slice(0, -1);
  return (path) => path.startsWith(prefix) || path === itself;
}

function read(path: string): string {
  return pathVariants(path) as string;
}

function withoutSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}
