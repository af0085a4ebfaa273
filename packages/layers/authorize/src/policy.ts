import { checkOneOf, rangeError } from "@pagoda/core";
import { type Client, clientOf, type FromClient, type HttpRequest } from "@pagoda/http";
import { compile, type Compiled, type Facts, type Test } from "./compile.ts";
import type { Denied } from "./denied.ts";
import { readableHost } from "./host.ts";
import type { AuthorizeOptions } from "./options.ts";
import { problemsError, ruleProblems } from "./problems.ts";
import { readings } from "./readings.ts";
import type { Rule } from "./rule.ts";

/** What was decided on a request, and by what. The same object each time. */
export interface Verdict {
  readonly allowed: boolean;
  /** The name of a rule, `otherwise`, or `unreadable`. */
  readonly rule: string;
  /** Its place among all verdicts. */
  readonly at: number;
}

/** Rules that decide on requests, without the calls. */
export class Policy<Req extends HttpRequest> {
  readonly otherwise: "allow" | "deny";
  /** In the order in which they are asked: those that deny first. */
  readonly compiled: readonly Compiled[];
  /** Of each rule in that order, then `otherwise` and `unreadable`. */
  readonly verdicts: readonly Verdict[];
  readonly #identity: (request: Req) => string | undefined;
  readonly #address: (request: Req) => string | undefined;
  readonly #asks: ReadonlySet<Test["what"]>;

  /** @throws RangeError when an option makes no sense. */
  constructor({ rules, otherwise, identity, address }: AuthorizeOptions<Req, Rule>) {
    const problems = ruleProblems(rules);
    if (problems.length > 0) throw problemsError(problems);
    if (otherwise === undefined && rules.length === 0)
      throw rangeError("authorize: rules", "a list of at least one rule, unless otherwise is given", rules);
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
    this.#asks = new Set(this.compiled.flatMap(({ tests }) => tests.map(({ what }) => what)));
  }

  decide(request: Req): Verdict {
    const facts = this.factsOf(request);
    return this.verdicts[facts === undefined ? this.compiled.length + 1 : this.#first(facts)] as Verdict;
  }

  /** Says who was denied, also where no rule asks. */
  denied({ rule }: Verdict, request: Req): Denied {
    const client = clientOf(request);
    const address = this.#address === addressOf ? client?.address : this.#address(request);
    const identity = this.#identity === identityOf ? client?.identity : this.#identity(request);
    return { _tag: "Denied", origin: "local", retryable: false, rule, address, identity };
  }

  /** `undefined`: what the rules ask for cannot be read safely. */
  factsOf(request: Req): Facts | undefined {
    const asks = this.#asks;
    const paths = asks.has("path") ? readings(request.path) : "";
    const host = asks.has("host") ? readableHost(request.authority) : "";
    if (paths === undefined || host === undefined) return undefined;
    const identity = asks.has("identity") ? this.#identity(request) : undefined;
    const address = asks.has("address") ? this.#address(request) : undefined;
    return {
      request,
      paths,
      host,
      // An empty one names nobody, and `*` would let it pass.
      identity: identity === "" ? undefined : identity,
      address,
    };
  }

  /** The place of the first rule that matches, or of `otherwise`. */
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

/** The types see to it that there is one. The peer will not do: behind a proxy everybody would be the proxy. */
function knownClient({ client }: Partial<FromClient>, what: string): Client {
  if (client !== undefined) return client;
  throw new TypeError(`authorize: rules name ${what}, but no layer has said who the client is`);
}
