import { expect, test } from "vitest";
import { entryFaults } from "../checks/dependencies/entries.ts";
import { packages } from "../workspace.ts";
import { tree } from "./fixture.ts";

const readme = `| package | purpose |
| ------- | ------- |
| [@pagoda/core](packages/core)          | the contract |
| [@pagoda/tracing](packages/layers/tracing) | spans |
`;
const core = { "packages/core/package.json": { name: "@pagoda/core" } };

function faults(manifest: object, { references = [{ path: "../../core" }], table = readme } = {}): string[] {
  const base = tree({
    ...core,
    "README.md": table,
    "packages/layers/tracing/README.md": "# @pagoda/tracing\n\nSpans for `OpenTelemetry`.\n",
    "packages/layers/tracing/tsconfig.json": { references },
    "packages/layers/tracing/package.json": {
      name: "@pagoda/tracing",
      description: "Spans for OpenTelemetry.",
      peerDependencies: { "@pagoda/core": "workspace:^", pino: "10.4.0" },
      ...manifest,
    },
  });
  return packages(base).flatMap((one) => entryFaults(base, one));
}

test("a package that is listed, described and references its dependencies has no fault", () => {
  expect(faults({})).toEqual([]);
});

test("a row that is missing is named with what to write", () => {
  const table = readme.split("\n").slice(0, 3).join("\n");
  expect(faults({}, { table })).toEqual([
    `README.md: the table of packages must have the row "| [@pagoda/tracing](packages/layers/tracing) | spans for OpenTelemetry |"`,
  ]);
});

test("a description other than the first line of the README is a fault", () => {
  expect(faults({ description: "Traces." })).toEqual([
    `packages/layers/tracing/package.json: description must be "Spans for OpenTelemetry.", the first line of README.md`,
  ]);
});

test("references other than the dependencies are faults", () => {
  expect(faults({}, { references: [{ path: "../timeout" }] })).toEqual([
    `packages/layers/tracing/tsconfig.json: references must have { "path": "../../core" }, a dependency`,
    `packages/layers/tracing/tsconfig.json: references must not have "../timeout", which is not a dependency`,
  ]);
});
