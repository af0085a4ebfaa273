import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { call } from "./client.ts";
import { Composed, composeFile, composeServices, mounts } from "./composed.ts";
import { Folder } from "./configured.ts";
import { GoProgram } from "./go-program.ts";
import { until } from "./program.ts";
import { find, needs } from "./system.ts";

interface Target {
  readonly scrapeUrl: string;
  readonly health: string;
}

describe("the services of the compose file, as processes,", () => {
  needs("redis-server", "prometheus");

  const urls: string[] = [];
  let composed: Composed;

  beforeAll(async () => {
    if (find("redis-server") === undefined || find("prometheus") === undefined) return undefined;
    composed = await Composed.start(
      "redis",
      "origin-1",
      "origin-2",
      "origin-3",
      "pagoda-1",
      "pagoda-2",
      "prometheus",
    );
    for (const name of ["pagoda-1", "pagoda-2"]) urls.push(await composed.url(name, 8080));
    return () => composed[Symbol.asyncDispose]();
  });

  async function prometheus<T>(path: string): Promise<T> {
    const response = await fetch(`${await composed.url("prometheus", 9090)}/api/v1/${path}`);
    return ((await response.json()) as { readonly data: T }).data;
  }

  test("reach all origins, and have one rate limit", async () => {
    const begun = performance.now();
    const admitted: string[] = [];
    const refusing = new Set<string>();
    while (refusing.size < urls.length)
      for (const url of urls) {
        const { status, body } = await call(url);
        expect([200, 429]).toContain(status);
        if (status === 200) admitted.push(body);
        else refusing.add(url);
      }
    const seconds = (performance.now() - begun) / 1_000;
    expect(new Set(admitted)).toEqual(new Set(["origin 1\n", "origin 2\n", "origin 3\n"]));
    expect(admitted.length).toBeLessThanOrEqual(100 + 10 * seconds);
    expect(admitted.length).toBeGreaterThan(50);
  });

  test("are scraped by Prometheus, which has the alerts", async () => {
    const { activeTargets } = await until(
      () => prometheus<{ readonly activeTargets: readonly Target[] }>("targets"),
      ({ activeTargets: all }) => all.length === 2 && all.every(({ health }) => health !== "unknown"),
    );
    expect(activeTargets.map(({ health }) => health)).toEqual(["up", "up"]);
    const { groups } = await prometheus<{
      readonly groups: readonly { readonly rules: readonly { readonly name: string }[] }[];
    }>("rules");
    const rules = groups.flatMap((group) => group.rules.map(({ name }) => name));
    expect(rules).toContain("PagodaErrors");
    expect(rules).toHaveLength(alerts().length);
  });

  test("expose the metrics and nothing else of the admin endpoint", async () => {
    const metrics = await composed.url("pagoda-1", 9091);
    expect((await call(`${metrics}/metrics`)).body).toContain("http_requests_total");
    expect((await call(`${metrics}/drain`, { method: "POST" })).status).toBe(404);
    expect((await call(`${metrics}/metrics`, { method: "POST" })).status).toBe(405);
    expect((await call(`${metrics}/metrics/../config`)).status).toBe(404);
  });

  test("survive the death of a pagoda", async () => {
    const [, url = ""] = urls;
    composed.pagodas.get("pagoda-1")?.kill("SIGKILL");
    // After the limit has been reached, the next call has to wait for the rate.
    await until(
      () => call(url),
      ({ status }) => status === 200,
    );
    const up = await until(
      async () => {
        const { result } = await prometheus<{
          readonly result: readonly { readonly value: [number, string] }[];
        }>("query?query=sort(up)");
        return result.map(({ value }) => value[1]);
      },
      (values) => values.length === 2 && values[0] === "0",
    );
    expect(up).toEqual(["0", "1"]);
  });
});

function alerts(): readonly unknown[] {
  const file = join(import.meta.dirname, "../../deploy/prometheus/alerts.yaml");
  const { groups } = parse(readFileSync(file, "utf8")) as {
    readonly groups: readonly { readonly rules: readonly unknown[] }[];
  };
  return groups.flatMap(({ rules }) => rules);
}

describe("the compose file", () => {
  const loader = new GoProgram("compose-go");
  loader.builds();

  function problems(file: string): string {
    return spawnSync(loader.path, [file], { encoding: "utf8" }).stderr;
  }

  test("is loaded by the library of Docker Compose, which refuses mistakes", ({ skip }) => {
    loader.skipWithout(skip);
    expect(problems(composeFile)).toBe("");
    using folder = new Folder();
    const wrong = readFileSync(composeFile, "utf8").replace("stop_grace_period", "stop_grace");
    expect(problems(folder.write("compose.yaml", wrong))).toContain("services.pagoda-1.stop_grace");
  });

  test("mounts folders that exist", () => {
    const sources = Object.values(composeServices).flatMap((service) => Array.from(mounts(service).values()));
    expect(sources.filter((source) => !existsSync(source))).toEqual([]);
  });

  test("has Grafana load the dashboard, from the Prometheus beside it", () => {
    const grafana = composeServices["grafana"];
    const inside = mounts(grafana as (typeof composeServices)[string]);
    const provisioning = inside.get("/etc/grafana/provisioning") ?? "";
    const read = (name: string): unknown => parse(readFileSync(join(provisioning, name), "utf8"));
    expect(read("datasources/prometheus.yaml")).toMatchObject({
      datasources: [{ type: "prometheus", url: "http://prometheus:9090", isDefault: true }],
    });
    expect(read("dashboards/pagoda.yaml")).toMatchObject({
      providers: [{ options: { path: "/etc/dashboards" } }],
    });
    const home = grafana?.environment?.["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"];
    const [, name = ""] = /^\/etc\/dashboards\/(.+)$/.exec(home ?? "") ?? [];
    expect(existsSync(join(inside.get("/etc/dashboards") ?? "", name))).toBe(true);
  });

  test("publishes ports on loopback only", () => {
    const ports = Object.values(composeServices).flatMap(({ ports = [] }) => ports);
    expect(ports.length).toBeGreaterThan(0);
    expect(ports.filter((port) => !port.startsWith("127.0.0.1:"))).toEqual([]);
  });
});
