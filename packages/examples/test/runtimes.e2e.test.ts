import { copyFileSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { right } from "@pagoda/core";
import { build, type BuildOptions } from "esbuild";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Program, skipWithout, start } from "./programs.ts";

const packages = join(import.meta.dirname, "../..");
const programs = join(import.meta.dirname, "runtimes");

/** Layers that need what only Node and its likes have, as in docs/guides/runtimes.md. */
const ofNode: ReadonlySet<string> = new Set([
  "basic-auth", // hashes of passwords
  "client", // the transport
  "compress", // zlib
  "decompress", // zlib
  "discovery", // DNS, files
  "kubernetes", // sockets, files
  "health", // sockets
  "jwt", // digests of tokens
  "node", // Node's HTTP server
  "transport", // sockets
  "undici",
  "xds", // HTTP/2 to the control plane
]);
/** Functions of these files need Node's `Buffer` or `process`. The rest of their packages does not. */
const partlyOfNode: ReadonlySet<string> = new Set([
  "core/src/index.ts", // machineNow
  "http/src/grammar/index.ts", // HeadBuffer
  "http/src/index.ts", // Buffer is used where there is one
]);

const entries = globSync(
  ["{core,http,linear-regex}/src/index.ts", "http/src/grammar/index.ts", "layers/*/src/index.ts"],
  {
    cwd: packages,
  },
);

async function bundle(entry: string, options: BuildOptions = {}): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    // Fails for Node's modules.
    platform: "browser",
    target: "es2024",
    logLevel: "silent",
    write: false,
    ...options,
  });
  return outputFiles?.[0]?.text ?? "";
}

describe("without Node", () => {
  const portable = entries.filter((entry) => !ofNode.has(entry.split("/")[1] as string));

  test.each(portable)("%s can be used", async (entry) => {
    const bundled = await bundle(join(packages, entry), {
      packages: "external",
      define: { Buffer: "__buffer__", process: "__process__" },
    });
    // esbuild leaves them out if they are external, too.
    expect(bundled, "a layer that needs Node is listed in ofNode").not.toMatch(/ from "node:/);
    expect(/__(?:buffer|process)__/.test(bundled)).toBe(partlyOfNode.has(entry));
  });

  test("the guide names the layers that need Node", () => {
    const guide = readFileSync(join(packages, "../docs/guides/runtimes.md"), "utf8");
    const named = [...guide.matchAll(/`@pagoda\/([\w-]+)`(?=[,. ])/g)].map(([, name]) => name);
    expect(named).toEqual(expect.arrayContaining([...ofNode]));
  });
});

interface Runtime {
  readonly program: Program;
  /** Arguments that run the bundle in a folder. */
  readonly args: (folder: string) => readonly string[];
  /** The descriptor on which the port is reported. */
  readonly descriptor: 1 | 3;
}

const runtimes: readonly Runtime[] = [
  { program: "bun", args: (folder) => ["run", join(folder, "worker.js")], descriptor: 1 },
  { program: "deno", args: (folder) => ["run", "--allow-net", join(folder, "worker.js")], descriptor: 1 },
  {
    program: "workerd",
    args: (folder) => ["serve", "--control-fd=3", join(folder, "workerd.capnp")],
    descriptor: 3,
  },
];

/** A folder that is removed with the end of the test. */
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "pagoda-runtimes-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Starts the gateway and returns its URL. */
async function started({ program, args, descriptor }: Runtime): Promise<string> {
  const folder = newFolder();
  copyFileSync(join(programs, "workerd.capnp"), join(folder, "workerd.capnp"));
  await bundle(join(programs, `${program}.ts`), { write: true, outfile: join(folder, "worker.js") });
  const child = start(program, args(folder), { stdio: ["ignore", "pipe", "pipe", "pipe"] });
  let errors = "";
  (child.stderr as Readable).setEncoding("utf8").on("data", (text: string) => (errors += text));
  for await (const line of createInterface({ input: child.stdio[descriptor] as Readable })) {
    const { port } = JSON.parse(line) as { readonly port?: number };
    if (port !== undefined) return `http://127.0.0.1:${port}`;
  }
  throw new Error(`${program} ended without listening:\n${errors}`);
}

describe.each(runtimes)("a stack in $program", (runtime) => {
  test("routes, retries, limits and times out", async ({ skip }) => {
    skipWithout(skip, runtime.program);
    const url = await started(runtime);
    const answer = async (path: string, init?: RequestInit): Promise<[number, string]> => {
      const response = await fetch(url + path, init);
      return [response.status, (await response.text()).trim()];
    };
    expect(await answer("/shop/lamp")).toEqual([200, '{"path":"/shop/lamp"}']);
    expect(await answer("/other")).toEqual([404, expect.stringContaining("not found")]);
    expect(await answer("/shop/flaky")).toEqual([200, '{"tries":3}']);
    expect(await answer("/shop/search")).toEqual([504, expect.stringContaining("in time")]);
    expect(await answer("/shop/reports")).toEqual([200, '{"path":"/shop/reports"}']);
    expect(await answer("/shop/reports")).toEqual([429, expect.stringContaining("too many requests")]);
    expect(await answer("/shop/echo", { method: "POST", body: "some bytes" })).toEqual([200, "some bytes"]);
    expect(await answer("/shop/pieces")).toEqual([200, "some bytes"]);
    // Three tries each.
    for (const _ of [1, 2]) expect(await answer("/shop/down")).toEqual([503, ""]);
    expect(await answer("/shop/down")).toEqual([503, expect.stringContaining("the upstream is failing")]);
  });

  test("streams both ways at once", async ({ skip }) => {
    skipWithout(skip, runtime.program);
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const encoder = new TextEncoder();
    void writer.write(encoder.encode("some "));
    const init = { method: "POST", body: readable, duplex: "half" } as const;
    const { body } = await fetch(`${await started(runtime)}/shop/echo`, init);
    const reader = (body as ReadableStream<Uint8Array>).getReader();
    expect((await reader.read()).value).toEqual(encoder.encode("some "));
    void writer.write(encoder.encode("bytes"));
    expect((await reader.read()).value).toEqual(encoder.encode("bytes"));
    void writer.close();
    expect((await reader.read()).done).toBe(true);
  });
});

test.for([
  { program: "bun", args: ["run"] },
  { program: "deno", args: ["run", "--allow-all"] },
] as const)("the server and the transport run in $program", async ({ program, args }, { skip }) => {
  skipWithout(skip, program);
  const folder = newFolder();
  const outfile = join(folder, "sockets.js");
  await bundle(join(programs, "sockets.ts"), { platform: "node", write: true, outfile });
  const child = start(program, [...args, outfile], { stdio: ["ignore", "pipe", "inherit"] });
  const lines: unknown[] = [];
  for await (const line of createInterface({ input: child.stdout as Readable })) lines.push(JSON.parse(line));
  const echoed = { status: 200, text: right("some bytes") };
  expect(lines).toEqual([
    { protocol: "http1", ...echoed },
    { protocol: "http2", ...echoed },
  ]);
});
