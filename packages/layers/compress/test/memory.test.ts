import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { codings } from "./bench.ts";

/** What the README says. */
const maxMiB = { gzip: 2, br: 4, zstd: 4 };

test.each(codings)("a stream in %s takes no more memory than the README says", (coding) => {
  const program = fileURLToPath(new URL("memory.ts", import.meta.url));
  const bytes = Number(
    execFileSync(process.execPath, ["--expose-gc", program, coding], { encoding: "utf8" }),
  );
  expect(bytes).toBeGreaterThan(100_000);
  expect(bytes / 1_048_576).toBeLessThan(maxMiB[coding]);
});
