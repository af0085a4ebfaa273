import { isLeft } from "@pagoda/core";
import type { LayerWatch } from "../probe.ts";
import type { Request, Result } from "../request.ts";
import type { World } from "../world.ts";

export const matchingRoute = "each request takes the route that matches it";
export const splitByWeight = "a split follows its weights";

/** The expected outcome: the name of a route, or what the router does without one. */
export type Expected = "checkout" | "api" | "beta" | "users" | "old" | "no route" | "refused";

/** A second, slow but obvious implementation of the simulation's routes. */
export function expectedRoute({ method, authority, path, headers }: Request): Expected {
  const read = plainPath(path);
  if (read === undefined) return "refused";
  const host = authority.toLowerCase().replace(/:\d+$/, "");
  if (host === "shop.example" && read === "/checkout") return "checkout";
  const isShop = host === "shop.example" || host.endsWith(".shop.example");
  if (isShop && isUnder("/api", read)) return headers.has("x-beta") ? "beta" : "api";
  if (method === "GET" && /^\/users\/\d+$/.test(read)) return "users";
  return isUnder("/old", read) ? "old" : "no route";
}

function isUnder(prefix: string, path: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

/** Without dot segments and needless escapes; `undefined` if it leaves the root. */
function plainPath(path: string): string | undefined {
  const kept: string[] = [];
  for (const part of decodeURIComponent(path).split("/").slice(1)) {
    if (part !== "..") kept.push(part);
    else if (kept.pop() === undefined) return undefined;
  }
  return `/${kept.join("/")}`;
}

/** Observes a router from both sides. */
export class RoutesModel implements LayerWatch {
  readonly #world: World;
  /** Calls of the split, by cluster. */
  readonly #shares = new Map<string, number>();

  /** @param weights Weights of the route `api` by cluster, with a sum of 1. */
  constructor(world: World, weights: ReadonlyMap<string, number>) {
    this.#world = world;
    world.atTheEnd(() => {
      const calls = [...this.#shares.values()].reduce((sum, each) => sum + each, 0);
      for (const [cluster, weight] of weights) this.#compare(cluster, weight, calls);
    });
  }

  readonly outside: LayerWatch["outside"] = {
    left: ({ request }, result) => {
      const expected = expectedRoute(request);
      if (expected === "no route" || expected === "refused" || expected === "old") {
        const got = result && ownAnswer(result);
        if (got !== expected)
          this.#world.violate(matchingRoute, `${request.path}: expected ${expected}, got ${String(got)}`);
        this.#world.count(expected);
      }
    },
  };

  readonly inside: LayerWatch["inside"] = {
    entered: ({ request }) => {
      const { route } = request as Request & {
        readonly route?: { readonly name: string; readonly cluster: string };
      };
      const expected = expectedRoute(request);
      if (route?.name !== expected)
        this.#world.violate(
          matchingRoute,
          `${request.path}: expected route ${expected}, took ${String(route?.name)}`,
        );
      else if (expected === "api")
        this.#shares.set(route.cluster, (this.#shares.get(route.cluster) ?? 0) + 1);
    },
  };

  /** Allows five standard deviations, which no realistic number of runs exceeds by chance. */
  #compare(cluster: string, weight: number, calls: number): void {
    if (calls === 0) return;
    const share = (this.#shares.get(cluster) ?? 0) / calls;
    const slack = 5 * Math.sqrt((weight * (1 - weight)) / calls);
    if (Math.abs(share - weight) > slack)
      this.#world.violate(splitByWeight, `${cluster} got ${share} of ${calls} calls; expected: ${weight}`);
  }
}

/** What the router answered itself. */
function ownAnswer(result: Result): string {
  if (isLeft(result)) {
    const { _tag } = result.left;
    return _tag === "NoRoute" ? "no route" : _tag === "PathRefused" ? "refused" : _tag;
  }
  return result.right.status === 301 ? "old" : "a response";
}
