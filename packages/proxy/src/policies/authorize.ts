import {
  authorize as authorizeLayer,
  type AuthorizeObserver,
  explain,
  type RoutedTo,
  type Rule,
  ruleProblems,
  type To,
} from "@pagoda/authorize";
import { mustBe } from "@pagoda/core";
import type { FromClient, HttpRequest } from "@pagoda/http";
import type { z } from "zod";
import type { Vocabulary } from "../schema/vocabulary.ts";
import { claimPath, claimsOf } from "./claims.ts";
import { type Checking, definePolicy, type Environment, eventsOf, type Verdict } from "./policy.ts";

const claim = (words: Vocabulary) => {
  const { z, fields, some, text, flag } = words;
  const value = z.union([text, z.number(), flag], { error: "must be a string, a number, true or false" });
  return fields({
    claim: claimPath(words).describe(
      "Name of the claim, such as `groups`, or the list of names on the way to a nested one.",
    ),
    equals: some(value).optional().describe("The claim has one of these values."),
    contains: some(text)
      .optional()
      .describe(
        "The claim is a list with one of these, or a string with one of these as a word, as `scope` is.",
      ),
  }).refine(({ equals, contains }) => (equals === undefined) !== (contains === undefined), {
    error: "must have exactly one of equals and contains",
  });
};

const rule = (words: Vocabulary) => {
  const { fields, some, text, word, name } = words;
  return fields({
    name: name.describe("Name of the rule in logs and metrics."),
    effect: word(["allow", "deny"]).describe(
      "Effect on requests that match. Deny rules win over allow rules.",
    ),
    from: fields({
      identities: some(text)
        .optional()
        .describe(
          "Identities from client certificates, such as `spiffe://mesh/shop/*`. A trusted proxy's certificate does not identify its clients.",
        ),
      addresses: some(text)
        .optional()
        .describe("Client addresses or networks, such as `10.0.0.0/8`, also behind a trusted proxy."),
      claims: some(claim(words))
        .optional()
        .describe("Claims of the token that `jwt` verifies, all of which must match."),
    })
      .optional()
      .describe("Clients that the rule matches. Default: all."),
    to: fields({
      methods: some(text).optional().describe("HTTP methods; `GET` does not imply `HEAD`."),
      paths: some(text)
        .optional()
        .describe("Paths: `/cart`, or `/api/*` for `/api` and everything below it."),
      hosts: some(text).optional().describe("Hosts without port: `shop.example`, or `*.shop.example`."),
      routes: some(name).optional().describe("Route names; only in the policies of a route."),
    })
      .optional()
      .describe("Requests that the rule matches. Default: all."),
  });
};

const settings = (words: Vocabulary) => {
  const { fields, some, word } = words;
  return fields({
    rules: some(rule(words)).describe("Rules, each with the requests it matches and its effect."),
    otherwise: word(["allow", "deny"])
      .optional()
      .describe("Effect if no rule matches. Default: deny if there is an allow rule, otherwise allow."),
  });
};

type Authorize = z.output<ReturnType<typeof settings>>;

const common = {
  name: "authorize",
  schema: (words: Vocabulary) =>
    settings(words).optional().describe("Allows or denies requests; denied requests get 403."),
  events: eventsOf<AuthorizeObserver<HttpRequest>>("authorize", ["denied"], {
    denied: ({ rule }) => `denied by ${rule}`,
  }),
  answers: { Denied: { status: 403, message: "access denied" } },
  explain({ rules, otherwise }: Authorize, request: HttpRequest & FromClient): Verdict {
    const { allowed, rule } = explain(
      { rules: rules as readonly Rule[], otherwise, claims: claimsOf },
      request,
    );
    return { text: `${allowed ? "allowed" : "denied: 403"}, by ${rule}`, passes: allowed };
  },
} as const;

/**
 * Authorization on a listener, before routing. Stands outside everything expensive: a denied
 * request costs nothing and counts against no limit.
 */
export const authorizeListener = definePolicy({
  ...common,
  at: ["listener"],
  check(policy: Authorize, checking) {
    checkRules(policy, checking);
    const { path, report } = checking;
    policy.rules.forEach(({ to }, n) => {
      if (to?.routes !== undefined)
        report(
          [...path, "rules", n, "to", "routes"],
          "must be absent on a listener, which authorizes before routing; use the policies of the routes",
        );
    });
  },
  layer: ({ rules, otherwise }: Authorize, { observe }: Environment) =>
    authorizeLayer({
      rules: rules as readonly Rule<To>[],
      otherwise,
      claims: claimsOf,
      observer: observe(common.events),
    }),
});

/** The same for a route, which rules may name. */
export const authorizeRoute = definePolicy({
  ...common,
  at: ["route"],
  check(policy: Authorize, checking) {
    checkRules(policy, checking);
    const { path, report, route = "" } = checking;
    policy.rules.forEach(({ to }, n) => {
      if (to?.routes?.includes(route) === false)
        report(
          [...path, "rules", n, "to", "routes"],
          `must include ${route}, or the rule can never match (got ${JSON.stringify(to.routes)})`,
        );
    });
  },
  layer: ({ rules, otherwise }: Authorize, { observe }: Environment) =>
    authorizeLayer({
      rules: rules as readonly Rule<RoutedTo>[],
      otherwise,
      claims: claimsOf,
      observer: observe(common.events),
    }),
});

function checkRules({ rules }: Authorize, { path, report, needsIdentities, needsClaims }: Checking): void {
  for (const { rule, path: at, value, expected } of ruleProblems(rules as readonly Rule[])) {
    const n = rules.findLastIndex(({ name }) => name === rule);
    report([...path, "rules", n, ...at], mustBe("", expected, value).trim());
  }
  rules.forEach(({ from }, n) => {
    if (from?.identities !== undefined) needsIdentities([...path, "rules", n, "from", "identities"]);
    if (from?.claims !== undefined) needsClaims([...path, "rules", n, "from", "claims"]);
  });
}
