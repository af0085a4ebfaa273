import { checkOneOf, rangeError } from "@pagoda/core";
import { type Client, clientOf, type FromClient, type HttpRequest, type WithClaims } from "@pagoda/http";
import { compile, type Compiled, type Facts, type Test } from "./compile.ts";
import type { Denied } from "./denied.ts";
import { unambiguousHost } from "./host.ts";
import type { AuthorizeOptions } from "./options.ts";
import { pathVariants } from "./path-variants.ts";
import { problemsError, ruleProblems } from "./problems.ts";
import type { Rule } from "./rule.ts";

/** A decision and the rule behind it. One object per rule, reused for every request. */
export interface Verdict {
  readonly allowed: boolean;
  /** The name of a rule, `otherwise`, or `unreadable`. */
  readonly rule: string;
  /** Index among all verdicts. */
  readonly at: number;
}

/** Evaluates rules. */
export class Policy<Req extends HttpRequest> {
  readonly otherwise: "allow" | "deny";
  /** In order of evaluation: deny rules first. */
  readonly compiled: readonly Compiled[];
  /** One per rule in that order, then `otherwise` and `unreadable`. */
  readonly verdicts: readonly Verdict[];
  readonly #identity: (request: Req) => string | undefined;
  readonly #address: (request: Req) => string | undefined;
  readonly #claims: (request: Req) => object | undefined;
  readonly #asks: ReadonlySet<Test["what"]>;

  /** @throws RangeError when an option is invalid. */
  constructor({ rules, otherwise, identity, address, claims }: AuthorizeOptions<Req, Rule>) {
    const problems = ruleProblems(rules);
    if (problems.length > 0) throw problemsError(problems);
    if (otherwise === undefined && rules.length === 0)
      throw rangeError("authorize: rules", "a list of at least one rule unless otherwise is set", rules);
    if (otherwise !== undefined) checkOneOf("authorize: otherwise", otherwise, ["allow", "deny"]);
    const [denying, allowing] = (["deny", "allow"] as const).map((wanted) =>
      rules.filter(({ effect }) => effect === wanted).map(compile),
    ) as [Compiled[], Compiled[]];
    this.otherwise = otherwise ?? (allowing.length > 0 ? "deny" : "allow");
    this.compiled = [...denying, ...allowing];
    this.verdicts = [
      ...this.compiled.map(({ rule: { name, effect } }, at) => verdict(effect, name, at)),
      verdict(this.otherwise, "otherwise", rules.length),
      verdict("deny", "unreadable", rules.length + 1),
    ];
    this.#identity = identity ?? identityOf;
    this.#address = address ?? addressOf;
    this.#claims = claims ?? claimsOf;
    this.#asks = new Set(this.compiled.flatMap(({ tests }) => tests.map(({ what }) => what)));
  }

  decide(request: Req): Verdict {
    const facts = this.factsOf(request);
    return this.verdicts[facts === undefined ? this.compiled.length + 1 : this.#first(facts)] as Verdict;
  }

  /** Returns the fault, which names the client even if no rule does. */
  denied({ rule }: Verdict, request: Req): Denied {
    const client = clientOf(request);
    const address = this.#address === addressOf ? client?.address : this.#address(request);
    const identity = this.#identity === identityOf ? client?.identity : this.#identity(request);
    return { _tag: "Denied", origin: "local", retryable: false, rule, address, identity };
  }

  /** Returns `undefined` if the request is unreadable. */
  factsOf(request: Req): Facts | undefined {
    const asks = this.#asks;
    const paths = asks.has("path") ? pathVariants(request.path) : "";
    const host = asks.has("host") ? unambiguousHost(request.authority) : "";
    if (paths === undefined || host === undefined) return undefined;
    const identity = asks.has("identity") ? this.#identity(request) : undefined;
    const address = asks.has("address") ? this.#address(request) : undefined;
    return {
      request,
      paths,
      host,
      // An empty identity does not count, and `*` would match it.
      identity: identity === "" ? undefined : identity,
      address,
      claims: asks.has("claim") ? this.#claims(request) : undefined,
    };
  }

  /** Returns the index of the first rule that matches, or that of `otherwise`. */
  #first(facts: Facts): number {
    const { compiled } = this;
    for (let at = 0; at < compiled.length; at++) {
      const { tests } = compiled[at] as Compiled;
      let passed = 0;
      while (passed < tests.length && (tests[passed] as Test).passes(facts)) passed++;
      if (passed === tests.length) return at;
    }
    return compiled.length;
  }
}

function verdict(effect: Rule["effect"], rule: string, at: number): Verdict {
  return { allowed: effect === "allow", rule, at };
}

function identityOf(request: HttpRequest & Partial<FromClient>): string | undefined {
  return knownClient(request, "identities").identity;
}

function addressOf(request: HttpRequest & Partial<FromClient>): string | undefined {
  return knownClient(request, "addresses").address;
}

/** The types ensure that there are claims, or `undefined` for a request without a token. */
function claimsOf(request: HttpRequest & Partial<WithClaims>): object | undefined {
  if ("claims" in request) return request.claims;
  throw new TypeError("authorize: rules name claims, but no layer has verified a token");
}

/**
 * The types ensure that there is one. The peer does not substitute for it: behind a proxy, every client would
 * be the proxy.
 */
function knownClient({ client }: Partial<FromClient>, what: string): Client {
  if (client !== undefined) return client;
  throw new TypeError(`authorize: rules name ${what}, but the request has no client`);
}
