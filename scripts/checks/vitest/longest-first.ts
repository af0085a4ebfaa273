import { globSync } from "node:fs";
import { join } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { root } from "../../workspace.ts";

/** Small files with long tests. Without results of an earlier run, vitest starts large files first and would end with them. */
const long = [
  "packages/proxy/test/e2e/chaos.test.ts",
  "packages/proxy/test/e2e/page.test.ts",
  "packages/proxy/test/simulation/{examples,nodes}.test.ts",
  "packages/simulation/test/nodes.e2e.test.ts",
  "packages/simulation/test/million/*.test.ts",
];

/** Starts the longest test files first, so that none runs alone at the end. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const first = new Set(globSync(long, { cwd: root }).map((file) => join(root, file)));
    // oxlint-disable-next-line unicorn/no-array-sort -- not that of arrays
    const sorted = await super.sort(files);
    return [
      ...sorted.filter(({ moduleId }) => first.has(moduleId)),
      ...sorted.filter(({ moduleId }) => !first.has(moduleId)),
    ];
  }
}
