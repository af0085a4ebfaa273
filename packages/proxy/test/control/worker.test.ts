import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const worker = new URL("../../src/control/worker.ts", import.meta.url).href;

test("a worker loads plugins, undici, and the YAML, schema and tracing libraries, only when it needs them", async () => {
  const listing = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
    await import(${JSON.stringify(worker)});
    console.log(loaded.join("\\n"));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", listing]);
  const packages = new Set(
    Array.from(stdout.matchAll(/node_modules\/((?:@[^/]+\/)?[^/@][^/]*)\//g), ([, name]) => name),
  );
  expect(packages).toContain("prom-client");
  expect(stdout).toContain("/src/policies/registry.ts");
  expect(stdout).not.toContain("/src/plugins/");
  for (const name of ["zod", "yaml", "undici", "@opentelemetry/sdk-trace"])
    expect(packages).not.toContain(name);
});
