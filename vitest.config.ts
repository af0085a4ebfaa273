import { defineConfig } from "vitest/config";

/** Tests that start processes, browsers or servers; all others run in virtual time and need no patience. */
const patient = [
  "packages/proxy/test/**/*.test.ts",
  "scripts/test/**/*.test.ts",
  "packages/**/test/**/*.e2e.test.ts",
];
const generated = ["**/node_modules/**", "**/dist/**"];

export default defineConfig({
  test: {
    allowOnly: false,
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: "unit",
          include: ["packages/*/test/**/*.test.ts", "packages/layers/*/test/**/*.test.ts"],
          exclude: [...generated, ...patient],
          testTimeout: 10_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: patient,
          exclude: generated,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
