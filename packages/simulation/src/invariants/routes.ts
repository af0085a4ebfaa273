import { isLeft } from "fp-ts/lib/Either.js";
import type { Both } from "../probe.ts";
import type { Request, Result } from "../request.ts";
import type { World } from "../world.ts";

export const takesItsRoute = "each request takes the route that is due to it, and no other";
export const splitsByWeight = "a split reaches its weights";

/** What is due to a request: the name of a route, or what is done without one. */
export type Due = "checkout" | "api" | "beta" | "users" | "old" | "no route" | "refused";

/** The routes of the simulation once more, written down for people: slow, and easy to see to be right. */
export function due({ method, authority, path, headers }: Request): Due {
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

/** Without dots and needless escapes; `undefined` where it climbs over the root. */
function plainPath(path: string): string | undefined {
  const kept: string[] = [];
  for (const part of decodeURIComponent(path).split("/").slice(1)) {
    if (part !== "..") kept.push(part);
    else if (kept.pop() === undefined) return undefined;
  }
  return `/${kept.join("/")}`;
}

/** Stands on both sides of a router. */
export class RoutesModel implements Both {
  readonly #world: World;
  /** Calls of the split, by cluster. */
  readonly #shares = new Map<string, number>();

  /** @param weights Of the route `api`, by cluster; together 1. */
  constructor(world: World, weights: ReadonlyMap<string, number>) {
    this.#world = world;
    world.atTheEnd(() => {
      const calls = [...this.#shares.values()].reduce((sum, each) => sum + each, 0);
      for (const [cluster, weight] of weights) this.#compare(cluster, weight, calls);
    });
  }

  readonly outside: Both["outside"] = {
    left: ({ request }, result) => {
      const owed = due(request);
      if (owed === "no route" || owed === "refused" || owed === "old") {
        const got = result && ownAnswer(result);
        if (got !== owed)
          this.#world.violate(takesItsRoute, `${request.path}: ${owed} is due, and it got ${String(got)}`);
        this.#world.count(owed);
      }
    },
  };

  readonly inside: Both["inside"] = {
    entered: ({ request }) => {
      const { route } = request as Request & {
        readonly route?: { readonly name: string; readonly cluster: string };
      };
      const owed = due(request);
      if (route?.name !== owed)
        this.#world.violate(
          takesItsRoute,
          `${request.path}: ${owed} is due, and it took ${String(route?.name)}`,
        );
      else if (owed === "api") this.#shares.set(route.cluster, (this.#shares.get(route.cluster) ?? 0) + 1);
    },
  };

  /** Chance may be off by so much: five standard deviations, which does not happen in any number of runs. */
  #compare(cluster: string, weight: number, calls: number): void {
    if (calls === 0) return;
    const share = (this.#shares.get(cluster) ?? 0) / calls;
    const slack = 5 * Math.sqrt((weight * (1 - weight)) / calls);
    if (Math.abs(share - weight) > slack)
      this.#world.violate(splitsByWeight, `${cluster} got ${share} of ${calls} calls, ${weight} is due`);
  }
}

/** What a router did by itself. */
function ownAnswer(result: Result): string {
  if (isLeft(result)) {
    const { _tag } = result.left;
    return _tag === "NoRoute" ? "no route" : _tag === "PathRefused" ? "refused" : _tag;
  }
  return result.right.status === 301 ? "old" : "an answer";
}
