import { defineConfig } from "vitest/config";

// Tests with real engines: see scripts/test-real.ts.
export default defineConfig({
  test: {
    allowOnly: false,
    include: ["packages/*/test/**/*.real.ts", "scripts/test/**/*.real.ts"],
    // The engines have fixed ports.
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
