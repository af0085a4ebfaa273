import { type Json, type Layer, layer, left } from "@pagoda/core";
import type { HttpRequest } from "@pagoda/http";
import type { Denied } from "./denied.ts";
import type { AuthorizeOptions } from "./options.ts";
import { Policy } from "./policy.ts";
import type { NeedsOf, Rule } from "./rule.ts";

/**
 * Allows or denies each request by rules about the client (identity, address) and the request
 * (method, path, host, route). A request that matches a `deny` rule is denied. Otherwise one that
 * matches an `allow` rule is allowed. If no rule matches, `otherwise` decides. Use it at the entry
 * of a service whose clients are known and have different permissions.
 *
 * Place it inside the layer that identifies the client, which the types require if rules name
 * identities or addresses: behind a proxy, the client is not the peer. Place it outside everything
 * expensive. Inside a router it sees the path that will be sent upstream, and rules may name
 * routes, which do not compile outside. Outside a router it sees the path as requested. In both
 * places an ambiguous path is denied if a `deny` rule matches one of its variants, and allowed only
 * if a single `allow` rule matches all of them.
 *
 * Errors: {@link Denied}. An exception from `identity` or `address` is a defect, and so is a rule
 * that names routes for a request without one.
 *
 * Cost per call: about 60 ns with one rule, and up to 30 ns for each further one; 50 to 100 ns for
 * a rule that names addresses. An ambiguous path costs 10 µs, a long one up to 200.
 *
 * Source: Istio's AuthorizationPolicy (precedence, default, fields of a rule).
 *
 * @throws RangeError listing all problems of the rules.
 */
export function authorize<
  Req extends HttpRequest = HttpRequest,
  const R extends Rule = Rule,
  Given extends object = object,
>(options: AuthorizeOptions<Req, R> & Given): Layer<Req & NeedsOf<R, Given>, unknown, Denied> {
  const policy = new Policy<Req>(options);
  const { observer } = options;
  const { verdicts, otherwise } = policy;

  return layer<Req & NeedsOf<R, Given>, unknown, Denied>({ name: "authorize", unguarded: true }, (inner) => {
    const counts = verdicts.map(() => 0);

    function counted(allowed: boolean): { readonly [rule: string]: number } {
      const those = verdicts.filter((each) => each.allowed === allowed);
      return Object.fromEntries(those.map(({ rule, at }) => [rule, counts[at] as number]));
    }

    return {
      options: { rules: options.rules as unknown as Json, otherwise },
      state: () => ({ allowed: counted(true), denied: counted(false) }),
      call(request, signal) {
        const verdict = policy.decide(request);
        const denied = verdict.allowed ? undefined : policy.denied(verdict, request);
        (counts[verdict.at] as number)++;
        if (denied === undefined) return inner.call(request, signal);
        observer?.denied?.(denied, request);
        return Promise.resolve(left(denied));
      },
    };
  });
}
