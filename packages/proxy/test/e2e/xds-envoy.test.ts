import { seededRandom } from "@pagoda/core/testing";
import { expect, test } from "vitest";
import { call } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { Envoy, installsEnvoy, skipWithoutEnvoy } from "./envoy.ts";
import { buildsGoControlPlane, GoControlPlane, type GoSnapshot, skipWithoutGo } from "./go-control-plane.ts";
import { named, type Origin } from "./origin.ts";
import { until } from "./program.ts";

buildsGoControlPlane();
installsEnvoy();

/** Seeds of generated snapshots. */
const seeds = [1, 2, 3];
const names = ["one", "two", "three", "four"];

/** Clusters with random endpoints among these. */
function generated(seed: number, origins: readonly Origin[]): GoSnapshot["clusters"] {
  const random = seededRandom(seed);
  const clusters = names.map((name) => {
    const endpoints = origins.flatMap(({ port }) => {
      if (random() < 0.3) return [];
      const health = random() < 0.3 ? 2 + Math.floor(random() * 3) : 0;
      return [{ address: `127.0.0.1:${port}`, health, zone: random() < 0.5 ? "a" : "b" }];
    });
    return [name, { endpoints }] as const;
  });
  return Object.fromEntries(clusters);
}

/** What answers calls to a cluster: names of origins, or a status if it is not 200. */
async function answering(url: string, cluster: string): Promise<string> {
  const seen = new Set<string>();
  for (let n = 0; n < 24; n++) {
    const { status, body } = await call(url, { headers: { "x-cluster": cluster } });
    seen.add(status === 200 ? body : String(status));
  }
  return [...seen].toSorted().join(" ");
}

async function table(url: string): Promise<string> {
  const rows: string[] = [];
  for (const name of names) rows.push(`${name}: ${await answering(url, name)}`);
  return rows.join("\n");
}

test("the same snapshots lead to the same endpoints and statuses as in Envoy, but for draining ones", async ({
  skip,
}) => {
  skipWithoutGo(skip);
  skipWithoutEnvoy(skip);
  const origins = await Promise.all(["a", "b", "c", "d", "e"].map(named));
  await using plane = await new GoControlPlane().listen();
  await plane.serve({ version: "0", clusters: generated(0, origins) });
  using folder = new Folder();
  const routes = names.map((name) => ({
    name,
    match: { headers: [{ name: "x-cluster", exact: name }] },
    cluster: name,
  }));
  const { listeners } = through({ xds: "one" }, { routes }) as { readonly listeners: readonly object[] };
  await using pagoda = await configured(folder, {
    listeners,
    clusters: Object.fromEntries(names.map((name) => [name, { xds: name }])),
    control: { xds: { server: plane.url, node: { id: "test" } } },
  });
  await using envoy = await Envoy.start(folder, plane.port);
  for (const seed of seeds) {
    const clusters = generated(seed, origins);
    await plane.serve({ version: String(seed), clusters });
    let expected = "";
    await until(
      async () => {
        expected = withoutDraining(await table(envoy.url), clusters, origins);
        return [expected, await table(pagoda.url)] as const;
      },
      ([ofEnvoy, ofPagoda]) => ofEnvoy === ofPagoda && isServed(ofEnvoy, clusters, origins),
    );
    expect(expected.split("\n")).toHaveLength(names.length);
  }
  await Promise.all(origins.map((origin) => origin[Symbol.asyncDispose]()));
});

/** A table without draining endpoints, which get calls in Envoy if too few others are healthy. */
function withoutDraining(seen: string, clusters: GoSnapshot["clusters"], origins: readonly Origin[]): string {
  const rows = seen.split("\n").map((row) => {
    const [name = "", ...answers] = row.split(/:? /);
    const draining = clusters[name]?.endpoints?.filter(({ health }) => health === 3) ?? [];
    const isDraining = (answer: string): boolean =>
      draining.some(({ address }) => address.endsWith(`:${origins["abcde".indexOf(answer)]?.port}`));
    return `${name}: ${answers.filter((answer) => !isDraining(answer)).join(" ")}`;
  });
  return rows.join("\n");
}

/** Whether a table is that of these clusters, by those of which all endpoints are healthy. */
function isServed(seen: string, clusters: GoSnapshot["clusters"], origins: readonly Origin[]): boolean {
  return names.every((name) => {
    const endpoints = clusters[name]?.endpoints ?? [];
    const isMixed = endpoints.some(({ health = 0 }) => health > 1);
    if (isMixed) return true;
    const own = origins.flatMap(({ port }, at) =>
      endpoints.some(({ address }) => address.endsWith(`:${port}`)) ? ["abcde".charAt(at)] : [],
    );
    return seen.split("\n").includes(`${name}: ${own.length === 0 ? "503" : own.join(" ")}`);
  });
}
