import { ServiceBuilder } from "@pagoda/core";
import { clusters, type Route, routeTable } from "@pagoda/router";
import { between, oneOf, whole } from "../random.ts";
import { RoutesModel } from "../invariants/routes.ts";
import { SlotsModel } from "../invariants/slots.ts";
import { probe } from "../probe.ts";
import { trial } from "../requests.ts";
import type { Request, Stack } from "../request.ts";
import type { Environment, Simulated } from "../environment.ts";
import { Cluster } from "./cluster.ts";

/** A data plane: routes with a limit each, and two clusters with a split between them. */
export function mesh(environment: Environment): Simulated {
  const { world, parts, chance } = environment;
  const { clock } = world;
  const stable = new Cluster(environment, "stable");
  const canary = new Cluster(environment, "canary");
  const share = oneOf(chance, [0.01, 0.1, 0.5]);
  const model = new RoutesModel(
    world,
    new Map([
      ["stable", 1 - share],
      ["canary", share],
    ]),
  );
  const limits = { least: whole(chance, 5, 40), most: whole(chance, 40, 120) };
  const slots: SlotsModel[] = [];
  const table = routeTable(routes(share));

  const service = new ServiceBuilder<Request>()
    .layer(probe(model.outside))
    .layer(parts.router(table, { random: world.chance("split") }))
    .layer(probe(model.inside))
    .layer(
      parts.perRoute(table, ({ name }) => {
        const limit = name === "api" ? limits.most : limits.least;
        const one = new SlotsModel(world, limit, { ...trial, ...onRoute(name) });
        slots.push(one);
        return new ServiceBuilder<Request>()
          .layer(probe(one.outside))
          .layer(parts.concurrencyLimit({ limit, clock }))
          .layer(probe(one.inside))
          .asLayer();
      }),
    )
    .layer(parts.timeout({ ms: between(chance, 200, 3_000), clock }))
    .service(clusters({ stable: stable.service(), canary: canary.service() }));

  return {
    // A response made by the router does not come from an origin: `RoutesModel` checks it.
    service: service as Stack,
    origins: [...stable.origins, ...canary.origins],
    perSecond: Math.min(stable.perSecond / (1 - share), canary.perSecond / Math.max(share, 0.2)),
    isFree: () => slots.some((one) => one.admits()) && (stable.isFree() || canary.isFree()),
    shuffle(random) {
      const isStable = stable.shuffle(random);
      const isCanary = canary.shuffle(random);
      return isStable || isCanary;
    },
    stopChurn() {
      stable.gather();
      canary.gather();
    },
    close() {
      stable.close();
      canary.close();
    },
  };
}

/** Must agree with `expectedRoute` in `invariants/routes.ts`. */
function routes(share: number): readonly Route<"stable" | "canary">[] {
  const hosts = ["shop.example", "*.shop.example"];
  const path = { prefix: "/api" };
  return [
    { name: "old", match: { path: { prefix: "/old" } }, redirect: { status: 301, prefix: "/new" } },
    { name: "users", match: { path: { regex: "/users/[0-9]+" }, methods: ["GET"] }, cluster: "stable" },
    {
      name: "api",
      match: { hosts, path },
      clusters: [
        { cluster: "stable", weight: 1 - share },
        { cluster: "canary", weight: share },
      ],
    },
    {
      name: "beta",
      match: { hosts, path, headers: [{ name: "x-beta", present: true }] },
      cluster: "canary",
    },
    {
      name: "checkout",
      match: { hosts: ["shop.example"], path: { exact: "/checkout" } },
      cluster: "stable",
    },
  ];
}

function onRoute(name: string) {
  return { route: { name, cluster: "stable", policy: undefined } };
}
