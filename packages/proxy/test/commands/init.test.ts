import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { isLeft } from "@pagoda/core";
import { testAuthority } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { init } from "../../src/commands/init.ts";
import { loadConfig } from "../../src/config/load.ts";
import { Folder } from "../e2e/configured.ts";
import { Pagoda } from "../e2e/program.ts";

/** Runs the command to its end. */
async function ran(...args: readonly string[]) {
  let stdout = "";
  let stderr = "";
  const code = await init.run(args, {
    env: {},
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
  });
  return { code, stdout, stderr };
}

async function loaded(file: string) {
  const result = await loadConfig({ file, env: {} });
  if (isLeft(result)) throw new Error(result.left.join("\n"));
  return result.right;
}

const cases: readonly (readonly string[])[] = [
  ["http://127.0.0.1:8080"],
  ["http://127.0.0.1:8080", "http://[::1]:8081"],
  ["https://shop.internal"],
  ["shop=http://10.0.0.1", "shop=http://10.0.0.2", "cart=https://cart.internal:8443", "http://localhost:1"],
];

describe.each(cases)("init for %s %s %s %s", (...given) => {
  const upstreams = given.filter((one) => typeof one === "string");

  test("writes a configuration without problems, warnings or advice", async () => {
    using folder = new Folder();
    const file = folder.file("pagoda.yaml");
    expect(await ran("-o", file, ...upstreams)).toEqual({
      code: 0,
      stdout: `wrote ${file}; start it with: pagoda run -c ${file}\n`,
      stderr: "",
    });
    const { warnings, advice } = await loaded(file);
    expect({ warnings, advice }).toEqual({ warnings: [], advice: [] });
  });

  test("each field that is turned off is valid", async () => {
    using folder = new Folder();
    const { stdout } = await ran("-o", "-", ...upstreams);
    const text = stdout.replaceAll(/^(\s+)#(?=[a-z ] ?\S)(?! [A-Z])/gm, "$1");
    expect(text).not.toMatch(/^\s+#[a-z]/m);
    const { certificate, key } = testAuthority("init").issue({ names: "DNS:a" });
    folder.write("server.pem", certificate);
    folder.write("server.key", key);
    const { config } = await loaded(folder.write("pagoda.yaml", text));
    expect(config.listeners[0]?.tls?.certificates).toHaveLength(1);
    expect(config.listeners[0]?.policies.rateLimit?.perClient?.burst).toBe(200);
    for (const { check } of Object.values(config.clusters)) expect(check).toMatchObject({ type: "http" });
  });
});

test("origins of one name share a cluster, and each cluster has a route", async () => {
  using folder = new Folder();
  const file = folder.file("pagoda.yaml");
  await ran(
    "-o",
    file,
    "shop=http://10.0.0.1",
    "shop=http://10.0.0.2",
    "cart=https://cart.internal",
    "http://[::1]:1",
  );
  const { listeners, clusters } = (await loaded(file)).config;
  expect(listeners[0]?.routes.map(({ cluster, match }) => [cluster, match])).toEqual([
    ["shop", { path: "/shop" }],
    ["cart", { path: "/cart" }],
    ["app", { path: "/" }],
  ]);
  expect(clusters["shop"]?.endpoints).toEqual(["http://10.0.0.1", "http://10.0.0.2"]);
  expect(clusters["cart"]?.dns).toMatchObject({ host: "cart.internal", port: 443, scheme: "https" });
});

test("keeps an existing file, and says why one cannot be written", async () => {
  using folder = new Folder();
  const file = folder.write("pagoda.yaml", "mine");
  expect(await ran("-o", file, "http://a")).toEqual({
    code: 1,
    stdout: "",
    stderr: `pagoda init: ${file} already exists\n`,
  });
  expect(readFileSync(file, "utf8")).toBe("mine");
  const nowhere = folder.file("missing/pagoda.yaml");
  expect((await ran("-o", nowhere, "http://a")).stderr).toBe(
    `pagoda init: ${nowhere} cannot be written: ENOENT\n`,
  );
});

test.each([
  [[], "needs the origins of at least one upstream, such as http://127.0.0.1:8080"],
  [
    ["127.0.0.1:8080"],
    'upstream must be http://HOST:PORT or https://HOST:PORT, without a path, or NAME=… (got "127.0.0.1:8080")',
  ],
  [["http://a/b"], expect.stringContaining('(got "http://a/b")')],
  [["a b=http://a"], expect.stringContaining('(got "a b=http://a")')],
  [["http://a", "http://a:80/"], 'upstream must not be repeated (got "http://a:80/")'],
  [["--outputs", "x"], "unknown option '--outputs'"],
])("rejects %j and writes nothing", async (args, message) => {
  using folder = new Folder();
  const file = folder.file("pagoda.yaml");
  const { code, stderr } = await ran("-o", file, ...args);
  expect(code).toBe(2);
  expect(/^pagoda init: (.*); see pagoda --help\n$/.exec(stderr)?.[1]).toEqual(message);
  expect(existsSync(file)).toBe(false);
});

test("pagoda runs with what it wrote", async () => {
  using folder = new Folder();
  await using origin = createServer((_, response) => response.end("hello"));
  await new Promise<void>((listening) => void origin.listen(0, "127.0.0.1", listening));
  const file = folder.file("pagoda.yaml");
  await ran("-o", file, `http://127.0.0.1:${(origin.address() as AddressInfo).port}`);
  await using pagoda = await Pagoda.start({ PROXY_CONFIG: file, PROXY_LISTEN_ADDR: "127.0.0.1:0" });
  const response = await fetch(pagoda.url);
  expect(await response.text()).toBe("hello");
});
