import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readMarkdown } from "../checks/docs/markdown.ts";
import { command } from "../command.ts";
import { root } from "../workspace.ts";

// Follows the guide, in a folder that has its files and the packages as if they were installed.
const guide = readFileSync(join(root, "docs/guides/proxy-policy.md"), "utf8");
let base: string;

beforeAll(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "pagoda-proxy-policy-")));
  for (const name of ["core", "http", "proxy"]) link(`packages/${name}`, `node_modules/@pagoda/${name}`);
  link("packages/proxy/node_modules/pino", "node_modules/pino");
  link("node_modules/@types", "node_modules/@types");
  link("tsconfig.base.json", "tsconfig.base.json");
  write("package.json", '{ "type": "module" }');
  for (const { info, code } of readMarkdown(guide).fences) {
    const [, path] = /^\w+ (\S+\.\w+)$/u.exec(info) ?? [];
    if (path !== undefined) write(path, `${code}\n`);
  }
});

afterAll(() => rmSync(base, { recursive: true, force: true }));

function link(from: string, to: string): void {
  mkdirSync(dirname(join(base, to)), { recursive: true });
  symlinkSync(join(root, from), join(base, to));
}

function write(path: string, text: string): string {
  const file = join(base, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

function pagoda(...args: readonly string[]): ReturnType<typeof command> {
  return command(process.execPath, [join(root, "packages/proxy/src/main.ts"), ...args]);
}

test("its files compile", async () => {
  const config = {
    extends: "./tsconfig.base.json",
    compilerOptions: { noEmit: true, declaration: true, types: ["node"] },
    include: ["*.ts", "policies"],
  };
  write("tsconfig.json", JSON.stringify(config));
  const { output } = await command("tsc", ["-p", "tsconfig.json"], { cwd: base });
  expect(output).toBe("");
});

test("its policy is the example", () => {
  const example = readFileSync(join(root, "packages/proxy/examples/policies/tenant.ts"), "utf8");
  expect(readFileSync(join(base, "policies/tenant.ts"), "utf8")).toBe(example);
});

test("check, explain and schema know the policy", async () => {
  const file = join(base, "pagoda.yaml");
  expect(await pagoda("check", "-c", file)).toMatchObject({ code: 0 });
  const { output } = await pagoda("explain", "-c", file, "GET", "http://127.0.0.1:3000/");
  expect(output).toContain('tenant: {"header":"x-tenant"}');
  expect((await pagoda("schema", "-c", file)).output).toContain("Header field that names the tenant.");
  const wrong = write("wrong.yaml", readFileSync(file, "utf8").replace("header: x-tenant", "heeder: x"));
  expect(await pagoda("check", "-c", wrong)).toMatchObject({
    code: 2,
    output: expect.stringContaining("policies.tenant.heeder: unknown field; did you mean header?"),
  });
});

test("the proxy applies the policy", async () => {
  const origin = createServer((_request, response) => response.end("served")).listen(0, "127.0.0.1");
  await once(origin, "listening");
  const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
  const args = [join(root, "packages/proxy/src/main.ts"), "run", "-c", join(base, "pagoda.yaml")];
  const env = {
    ...process.env,
    PROXY_LISTEN_ADDR: "127.0.0.1:0",
    PROXY_METRICS_ADDR: "127.0.0.1:0",
    PROXY_UPSTREAM_ADDRS: url,
    PROXY_WORKERS: "1",
  };
  const proxy = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  try {
    const address = await listening(proxy.stdout);
    const answer = await fetch(address, { headers: { "x-tenant": "acme" } });
    expect(await answer.text()).toBe("served");
    const refused = await fetch(address);
    expect([refused.status, await refused.text()]).toEqual([
      400,
      expect.stringContaining("the header x-tenant is required"),
    ]);
  } finally {
    proxy.kill("SIGKILL");
    origin.closeAllConnections();
    origin.close();
  }
});

test("the program with the policy runs", async () => {
  const { code, output } = await command(process.execPath, ["main.ts"], { cwd: base });
  expect(output).toMatch(/^400$/mu);
  expect(code).toBe(0);
});

async function listening(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const [, url] = /"msg":"listening on (http:[^, "]+)/u.exec(line) ?? [];
    if (url !== undefined) return url;
  }
  throw new Error("it did not listen");
}
