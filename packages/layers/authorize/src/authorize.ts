import { type Json, layer, type Layer } from "@pagoda/core";
import type { HttpRequest } from "@pagoda/http";
import { left } from "fp-ts/lib/Either.js";
import type { Denied } from "./denied.ts";
import type { AuthorizeOptions } from "./options.ts";
import { Policy, type Verdict } from "./policy.ts";
import type { NeedsOf, Rule } from "./rule.ts";

/**
 * Lets a request pass or denies it, by rules: who asks (an identity, an address) and for what (method, path, host, route).
 * A request that a `deny` rule matches is denied; else one that an `allow` rule matches passes; else `otherwise` decides.
 * Use it at the door of a service, where everyone who asks is known and not everyone may ask for everything.
 *
 * It stands inside of what says who asks, which the types ask for where rules name identities or addresses: behind a
 * proxy the client is another than the peer. It stands outside of all that costs something. Inside of a router it sees the path
 * that will be sent, and rules may name routes; they do not compile outside. Outside of one it sees the path as it was
 * asked. In both places a path that can be read in several ways is denied if a `deny` rule matches one of them, and
 * passes only if a single `allow` rule matches them all.
 *
 * Errors: {@link Denied}. What `identity` and `address` throw is a defect, and so is a rule that names routes for a
 * request without one.
 *
 * Cost per call: about 60 ns with one rule, and up to 30 for each more; 50 to 100 for each that asks for the address. A
 * path with several readings costs 10 µs, a long one up to 200.
 *
 * Source: Istio's AuthorizationPolicy (the order of deciding, the default, what a rule can name).
 *
 * @throws RangeError that lists everything that is wrong with the rules.
 */
export function authorize<
  Req extends HttpRequest = HttpRequest,
  const R extends Rule = Rule,
  Given extends object = object,
>(options: AuthorizeOptions<Req, R> & Given): Layer<Req & NeedsOf<R, Given>, unknown, Denied> {
  const policy = new Policy<Req>(options);
  const { observer } = options;
  const { verdicts, otherwise } = policy;

  return layer<Req & NeedsOf<R, Given>, unknown, Denied>("authorize", (inner) => {
    const counts = verdicts.map(() => 0);

    function counted(allowed: boolean): { readonly [rule: string]: number } {
      const those = verdicts.filter((each) => each.allowed === allowed);
      return Object.fromEntries(those.map(({ rule, at }) => [rule, counts[at] as number]));
    }

    return {
      options: { rules: options.rules as unknown as Json, otherwise },
      state: () => ({ allowed: counted(true), denied: counted(false) }),
      call(request, signal) {
        let verdict: Verdict;
        let denied: Denied | undefined;
        // What a mistake in `identity` or `address` throws becomes a rejection, as every defect does.
        try {
          verdict = policy.decide(request);
          if (!verdict.allowed) denied = policy.denied(verdict, request);
        } catch (defect) {
          return Promise.reject(defect);
        }
        (counts[verdict.at] as number)++;
        if (denied === undefined) return inner.call(request, signal);
        observer?.denied?.(denied, request);
        return Promise.resolve(left(denied));
      },
    };
  });
}
