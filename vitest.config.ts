import { defineConfig } from "vitest/config";
import { LongestFirst } from "./scripts/checks/vitest/longest-first.ts";

/** Tests that start processes, browsers or servers; all others run in virtual time. */
const patient = [
  "packages/proxy/test/**/*.test.ts",
  "scripts/test/**/*.test.ts",
  "packages/**/test/**/*.e2e.test.ts",
];
const generated = ["**/node_modules/**", "**/dist/**"];

// Ten times the duration of the slowest test, so that they end hanging tests but no test on a busy machine. No test may rely
// on them to detect that something is slow.
export default defineConfig({
  test: {
    allowOnly: false,
    // Three times the cores of the reference machine, because end-to-end tests wait most of the time.
    maxWorkers: 6,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: "unit",
          include: ["packages/*/test/**/*.test.ts", "packages/layers/*/test/**/*.test.ts"],
          exclude: [...generated, ...patient],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: patient,
          // The live page, unless it has been built from the current sources, and the program that the tests start.
          globalSetup: ["scripts/page.ts", "scripts/bundle.ts"],
          exclude: generated,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
