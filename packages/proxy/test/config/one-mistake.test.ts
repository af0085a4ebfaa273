import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ConfigDocument, pathText } from "../../src/config/document.ts";
import { examine } from "../../src/config/read.ts";
import { builtInPolicies } from "../../src/policies/registry.ts";

type Path = readonly (string | number)[];

/** The paths of all values in a value. */
function pathsIn(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== "object" || value === null) return [path];
  const inner: readonly (readonly [string | number, unknown])[] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value);
  return [path, ...inner.flatMap(([key, each]) => pathsIn(each, [...path, key]))];
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce((at, key) => (at as Record<string | number, unknown>)[key], value);
}

/** A value with another one at a path. */
function changed(value: unknown, [key, ...rest]: Path, other: unknown): unknown {
  if (key === undefined) return other;
  const copy = Array.isArray(value) ? [...value] : { ...(value as object) };
  (copy as Record<string | number, unknown>)[key] = changed(valueAt(value, [key]), rest, other);
  return copy;
}

/** The problems of a configuration in which one value has a wrong type, but for those of that value. */
function furtherProblems(config: unknown, path: Path): readonly string[] {
  const wrong = typeof valueAt(config, path) === "string" ? 7.5 : "wrong";
  const { problems } = examine(
    new ConfigDocument(JSON.stringify(changed(config, path, wrong))),
    builtInPolicies,
  );
  const at = pathText(path);
  const others = problems.filter(
    (problem) =>
      problem.path !== at && !problem.path.startsWith(`${at}.`) && !problem.path.startsWith(`${at}[`),
  );
  // Where no type is wrong, the only problem may be elsewhere.
  if (others.length === problems.length && others.length <= 1) return [];
  return others.map((problem) => `${at}: wrong; ${problem.path}: ${problem.message}`);
}

function allFurtherProblems(config: unknown): readonly string[] {
  const paths = pathsIn(config).filter(({ length }) => length > 0);
  return paths.flatMap((path) => furtherProblems(config, path));
}

const full = fileURLToPath(new URL("../../examples/full.yaml", import.meta.url));
const xds = { server: "https://plane:1", node: { id: "edge" } };
const policies = {
  retry: { backoff: { base: "20s", max: "30s" } },
  concurrencyLimit: { algorithm: "aimd", initial: 1, min: 1, max: 2 },
};
const listeners = [{ address: "127.0.0.1:0", routes: [{ name: "all", cluster: "shop", policies }] }];

describe("a value of the wrong type is reported once (defect: errors followed it)", () => {
  test("in the configuration with every field", () => {
    expect(allFurtherProblems(new ConfigDocument(readFileSync(full, "utf8")).value)).toEqual([]);
  });

  test.each<[string, object]>([
    ["without listeners", { control: { xds: { ...xds, listeners: true } } }],
    [
      "with settings above the defaults of others",
      {
        listeners,
        clusters: {
          shop: {
            endpoints: ["http://a:1"],
            outliers: { ejection: "10m", maxEjection: "20m" },
            policies: { circuitBreaker: { open: "20m", maxOpen: "1h" } },
          },
        },
      },
    ],
    [
      "with TLS for names",
      {
        listeners,
        clusters: { shop: { dns: { host: "a", port: 1, scheme: "https" }, tls: { servername: "a" } } },
      },
    ],
  ])("%s", (_, config) => {
    expect(examine(new ConfigDocument(JSON.stringify(config)), builtInPolicies).problems).toEqual([]);
    expect(allFurtherProblems(config)).toEqual([]);
  });
});
