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
import { fields, name, some, text, word } from "../schema/fields.ts";
import { type Checking, type Environment, eventsOf, policy, stateless, type Verdict } from "./policy.ts";

const rule = fields({
  name: name.describe("Says in logs and metrics which rule it was."),
  effect: word(["allow", "deny"]).describe(
    "What becomes of a request that all of it is true of. A rule that denies wins.",
  ),
  from: fields({
    identities: some(text)
      .optional()
      .describe(
        "Identities in clients' certificates: `spiffe://mesh/shop/*`. A trusted proxy's certificate does not identify its clients.",
      ),
    addresses: some(text)
      .optional()
      .describe("Client addresses or networks, also behind a trusted proxy: `10.0.0.0/8`."),
  })
    .optional()
    .describe("Who asks. Default: anybody."),
  to: fields({
    methods: some(text).optional().describe("`GET`. It does not stand for `HEAD`."),
    paths: some(text).optional().describe("`/cart`, or `/api/*` for it and all below it."),
    hosts: some(text).optional().describe("`shop.example`, or `*.shop.example`. Without port."),
    routes: some(name).optional().describe("Names of routes; only in the policies of a route."),
  })
    .optional()
    .describe("What is asked for. Default: anything."),
});

const settings = fields({
  rules: some(rule).describe("Each is true of some requests."),
  otherwise: word(["allow", "deny"])
    .optional()
    .describe("Where no rule matches. Default: deny if any rule allows."),
});

type Authorize = z.output<typeof settings>;

const common = {
  name: "authorize",
  schema: settings.optional().describe("Who may pass: others get 403."),
  events: eventsOf<AuthorizeObserver<HttpRequest>>("authorize", ["denied"]),
  state: stateless,
  answers: { Denied: { status: 403, message: "access is denied" } },
  explain({ rules, otherwise }: Authorize, request: HttpRequest & FromClient): Verdict {
    const { allowed, rule } = explain({ rules: rules as readonly Rule[], otherwise }, request);
    return { text: `${allowed ? "allowed" : "denied: 403"}, by ${rule}`, passes: allowed };
  },
} as const;

/**
 * Who may pass a listener, where no route is known yet. Stands outside of all that costs something: whoever is denied has
 * cost nothing and counts against no limit.
 */
export const authorizeListener = policy({
  ...common,
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
      observer: observe(common.events),
    }),
});

/** The same for a route, which rules may name. */
export const authorizeRoute = policy({
  ...common,
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
      observer: observe(common.events),
    }),
});

function checkRules({ rules }: Authorize, { path, report, needsIdentities }: Checking): void {
  for (const { rule, path: at, value, expected } of ruleProblems(rules as readonly Rule[])) {
    const n = rules.findLastIndex(({ name }) => name === rule);
    report([...path, "rules", n, ...at], mustBe("", expected, value).trim());
  }
  rules.forEach(({ from }, n) => {
    if (from?.identities !== undefined) needsIdentities([...path, "rules", n, "from", "identities"]);
  });
}
