import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command, hangMs, type Finished } from "../../command.ts";
import type { Package } from "../../workspace.ts";
import { exited, failed, type Outcome } from "../outcome.ts";
import { entriesOf, importAll, installQuietly } from "./project.ts";
import { tarball } from "./tarball.ts";

type Versions = Readonly<Record<string, string>>;

/** OpenTelemetry SDKs, each with the newest API that it supports and its registration code. */
const sdks = [
  {
    name: "SDK 2",
    versions: {
      "@opentelemetry/sdk-trace-base": "2.12.1",
      "@opentelemetry/core": "2.12.1",
      "@opentelemetry/api": "1.9.1",
    },
    register: `
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });`,
  },
  {
    name: "SDK 3",
    versions: {
      "@opentelemetry/sdk-trace": "3.1.1",
      "@opentelemetry/core": "3.1.1",
      "@opentelemetry/api": "1.10.0",
    },
    register: `
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
const exporter = new InMemorySpanExporter();
const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });`,
  },
];

const spans = `
import assert from "node:assert/strict";
import { httpRequest, httpResponse } from "@pagoda/http";
import { trace } from "@opentelemetry/api";
import { right, service, ServiceBuilder } from "@pagoda/core";
import { clientSpan, serverSpan } from "@pagoda/tracing";
assert(trace.setGlobalTracerProvider(provider));
const origin = service("origin", async () => right(httpResponse(200)));
const stack = new ServiceBuilder().layer(serverSpan()).layer(clientSpan()).service(origin);
await stack.call(httpRequest("http://shop.example/"));
const names = exporter.getFinishedSpans().map(({ name }) => name);
assert.deepEqual(names, ["GET", "GET"]);
`;

/**
 * Installs `@pagoda/tracing` with each supported OpenTelemetry SDK and checks that the SDK gets its spans. With a second
 * copy of the API, spans would be lost silently.
 */
export function spanOutcomes(all: readonly Package[], directory: string): Promise<Outcome[]> {
  const used = all.filter(({ short }) => ["core", "http", "tracing"].includes(short));
  return Promise.all(
    sdks.map(async ({ name, versions, register }) => {
      const title = `@pagoda/tracing makes spans with OpenTelemetry's ${name}`;
      const project = join(directory, `spans-${name.replace(" ", "-")}`);
      const installed = await installWith(
        used,
        { ...versions, ...lowestPeers(used, versions) },
        project,
        directory,
      );
      if (installed.code !== 0) return failed(title, installed.output);
      writeFileSync(join(project, "spans.mjs"), `${register}\n${spans}`);
      return exited(
        title,
        await command(process.execPath, ["spans.mjs"], { cwd: project, timeoutMs: hangMs }),
      );
    }),
  );
}

/** Imports all layers with the lowest version of each peer that their ranges allow. */
export async function lowestOutcome(all: readonly Package[], directory: string): Promise<Outcome> {
  const title = "imports with the lowest versions of all peers";
  const used = all.filter(({ kind }) => ["core", "http", "linear-regex", "layer"].includes(kind));
  const project = join(directory, "lowest-peers");
  const installed = await installWith(used, lowestPeers(used), project, directory);
  if (installed.code !== 0) return failed(title, installed.output);
  writeFileSync(join(project, "import-all.mjs"), importAll);
  const args = ["import-all.mjs", ...used.flatMap(entriesOf)];
  return exited(title, await command(process.execPath, args, { cwd: project, timeoutMs: hangMs }));
}

function installWith(
  used: readonly Package[],
  others: Versions,
  project: string,
  directory: string,
): Promise<Finished> {
  mkdirSync(project);
  const own = Object.fromEntries(used.map((one) => [one.name, `file:${tarball(one, directory)}`]));
  const overrides = Object.fromEntries(used.map(({ name }) => [name, `$${name}`]));
  const manifest = { private: true, type: "module", dependencies: { ...own, ...others }, overrides };
  writeFileSync(join(project, "package.json"), JSON.stringify(manifest));
  return installQuietly(project);
}

/** The lowest version in the range of each third-party peer, except those in `given`. */
function lowestPeers(used: readonly Package[], given: Versions = {}): Versions {
  const ranges = used.flatMap(({ manifest }) => Object.entries(manifest.peerDependencies ?? {}));
  return Object.fromEntries(
    ranges
      .filter(([name]) => given[name] === undefined && !name.startsWith("@pagoda/"))
      .map(([name, range]) => [name, /\d+\.\d+\.\d+/u.exec(range)?.[0] ?? range]),
  );
}
