import { authorize, type AuthorizeOptions, type Rule } from "@pagoda/authorize";
import { type FromClient, type HttpRequest, httpRequest, httpResponse, type WithClaims } from "@pagoda/http";
import { isRight, right, service } from "@pagoda/core";

/** A request with everything that rules look at. */
export type Asked = HttpRequest &
  FromClient &
  WithClaims & {
    readonly route?: { readonly name: string };
  };

/**
 * A request for `http://shop.example/cart` from 203.0.113.7 through a trusted proxy, with changes.
 */
export function asked(change: Partial<Asked> = {}): Asked {
  return {
    ...httpRequest("http://shop.example/cart"),
    peer: { address: "198.51.100.1", port: 50_123, identity: "gateway" },
    client: { address: "203.0.113.7" },
    claims: undefined,
    ...change,
  };
}

/** A rule that names only paths. */
export function paths(effect: Rule["effect"], ...paths: readonly string[]): Rule {
  return { name: `${effect}-paths`, effect, to: { paths } };
}

/** Returns a function that decides on requests: `passed`, or the rule that denied it. */
export function guard(
  rules: readonly Rule[],
  options: Partial<AuthorizeOptions<Asked>> = {},
): (change?: Partial<Asked>) => Promise<string> {
  const leaf = service("leaf", async (_: Asked) => right(httpResponse(200)));
  const layered = authorize<Asked>({ rules, ...options })(leaf);
  return async (change) => {
    const result = await layered.call({ route: { name: "none" }, ...asked(change) });
    return isRight(result) ? "passed" : result.left.rule;
  };
}
