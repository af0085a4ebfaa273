import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Fence, readMarkdown } from "../checks/docs/markdown.ts";
import { command } from "../command.ts";
import { generateInRepository } from "../../packages/create-layer/src/index.ts";
import { root } from "../workspace.ts";

// Follows the guide step by step, in a workspace where the proxy and the new layer are copies and everything else is real.
let base: string;

beforeAll(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "pagoda-proxy-policy-")));
  generateInRepository(join(base, "packages/layers/max-calls"), "max-calls");
  for (const linked of ["node_modules", "packages/core", "packages/http"]) link(linked, linked);
  for (const copied of [
    "tsconfig.base.json",
    "packages/proxy/package.json",
    "packages/proxy/tsconfig.json",
    "packages/proxy/src",
  ])
    cpSync(join(root, copied), join(base, copied), { recursive: true });
  for (const name of readdirSync(join(root, "packages/proxy/node_modules"))) {
    if (name !== "@pagoda")
      link(`packages/proxy/node_modules/${name}`, `packages/proxy/node_modules/${name}`);
  }
  for (const name of readdirSync(join(root, "packages/proxy/node_modules/@pagoda")))
    link(`packages/proxy/node_modules/@pagoda/${name}`, `packages/proxy/node_modules/@pagoda/${name}`);
  symlinkSync(
    join(base, "packages/layers/max-calls"),
    join(base, "packages/proxy/node_modules/@pagoda/max-calls"),
  );
  for (const fence of readMarkdown(readFileSync(join(root, "docs/guides/proxy-policy.md"), "utf8")).fences)
    apply(fence);
});

afterAll(() => rmSync(base, { recursive: true, force: true }));

function link(from: string, to: string): void {
  mkdirSync(dirname(join(base, to)), { recursive: true });
  symlinkSync(join(root, from), join(base, to));
}

function apply({ info, code }: Fence): void {
  const [kind = "", path = ""] = info.split(" ");
  if (kind === "ts") writeFileSync(join(base, path), `${code}\n`);
  if (kind === "diff")
    writeFileSync(join(base, path), patched(readFileSync(join(base, path), "utf8"), code, path));
}

function patched(text: string, diff: string, path: string): string {
  const lines = diff.split("\n");
  const side = (sign: string): string =>
    lines.flatMap((line) => (line.startsWith(sign) ? [] : [line.slice(1)])).join("\n");
  if (text.split(side("+")).length !== 2)
    throw new Error(`the guide's patch for ${path} does not apply:\n${diff}`);
  return text.replace(side("+"), () => side("-"));
}

function pagoda(...args: readonly string[]): ReturnType<typeof command> {
  return command(process.execPath, [join(base, "packages/proxy/src/main.ts"), ...args]);
}

function configuration(maxCalls: number, origin = "http://127.0.0.1:9"): string {
  const file = join(base, `${maxCalls}.yaml`);
  const route = { name: "all", cluster: "shop", policies: { maxCalls } };
  const listeners = [{ address: "127.0.0.1:0", routes: [route] }];
  const clusters = { shop: { endpoints: [origin] } };
  const admin = { address: "127.0.0.1:0" };
  writeFileSync(file, JSON.stringify({ listeners, clusters, admin, workers: 1 }));
  return file;
}

test("the proxy compiles with the policy", async () => {
  const compilerOptions = { noEmit: true, declaration: true };
  const config = { extends: "./tsconfig.base.json", compilerOptions, include: ["packages/proxy/src"] };
  writeFileSync(join(base, "tsconfig.json"), JSON.stringify(config));
  const { output } = await command("tsc", ["-p", "tsconfig.json"], { cwd: base });
  expect(output).toBe("");
});

test("check and explain know the policy", async () => {
  const wrong = await pagoda("check", "-c", configuration(0));
  expect(wrong.code).toBe(2);
  expect(wrong.output).toContain("maxCalls");
  const file = configuration(1);
  expect((await pagoda("check", "-c", file)).code).toBe(0);
  expect((await pagoda("explain", "-c", file, "GET", "http://shop.example/")).output).toContain(
    "maxCalls: 1",
  );
});

test("the proxy applies the policy", async () => {
  const { promise: held, resolve: hold } = Promise.withResolvers<ServerResponse>();
  const origin = createServer((_request, response) => hold(response)).listen(0, "127.0.0.1");
  await once(origin, "listening");
  const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
  const args = [join(base, "packages/proxy/src/main.ts"), "run", "-c", configuration(1, url)];
  const proxy = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const address = await listening(proxy.stdout);
    const first = fetch(address);
    const response = await held;
    const second = await fetch(address);
    expect([second.status, await second.text()]).toEqual([
      503,
      expect.stringContaining("limit of 1 concurrent calls reached"),
    ]);
    response.end("served");
    expect(await (await first).text()).toBe("served");
  } finally {
    proxy.kill("SIGKILL");
    origin.closeAllConnections();
    origin.close();
  }
});

async function listening(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const [, url] = /"msg":"listening on (http:[^, "]+)/u.exec(line) ?? [];
    if (url !== undefined) return url;
  }
  throw new Error("it did not listen");
}
