import { defineConfig } from "vitest/config";

/** Tests that start processes, browsers or servers; all others run in virtual time. */
const patient = [
  "packages/proxy/test/**/*.test.ts",
  "scripts/test/**/*.test.ts",
  "packages/**/test/**/*.e2e.test.ts",
];
const generated = ["**/node_modules/**", "**/dist/**"];

// A test that takes longest of all takes a tenth of these times, so that they end what hangs, and nothing on a machine that
// is busy with other things. No test may rely on them to see that something is slow.
export default defineConfig({
  test: {
    allowOnly: false,
    // Twice the cores of the machine that this is timed on: end-to-end tests wait for much of their time.
    maxWorkers: 4,
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
          exclude: generated,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
