#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { parseArgs } from "node:util";
import { isLeft } from "fp-ts/lib/Either.js";
import type { Logger } from "pino";
import { problemLine, readConfig, variables } from "./config.ts";
import { createLogger } from "./log.ts";
import { type Proxy, startProxy } from "./proxy.ts";

/** Exit code of a program that was called or configured wrongly. */
const usageError = 2;

await main();

async function main(): Promise<void> {
  const flags = readFlags();
  if (flags.help) return console.log(help());
  if (flags.version) return console.log(version());

  const config = readConfig(process.env);
  if (isLeft(config)) {
    for (const problem of config.left) console.error(`pagoda: ${problemLine(problem)}`);
    process.exit(usageError);
  }
  const log = createLogger(config.right.logLevel);
  const starting = startProxy(config.right, log);
  // From here on connections are accepted: a signal must not cut them off.
  drainOnSignal(starting, log);
  const started = await starting;
  if (isLeft(started)) {
    const { host, port, code } = started.left;
    log.fatal({ host, port, code }, `cannot listen on ${host}:${port}: ${code}`);
    process.exit(1);
  }
  const proxy = started.right;
  const { url, adminUrl, upstreams } = proxy;
  log.info({ url, adminUrl, upstreams }, `listening on ${url}, admin on ${adminUrl}`);
  if (proxy.demo) console.log(demoText(proxy));
}

function drainOnSignal(starting: ReturnType<typeof startProxy>, log: Logger): void {
  let stopping = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (stopping) {
        log.warn({ signal }, "second signal: ending at once");
        process.exit(128 + constants.signals[signal]);
      }
      stopping = true;
      log.info({ signal }, "draining: requests in flight are finished, nothing new is accepted");
      void starting.then(async (started) => {
        if (isLeft(started)) return;
        const cutOff = await started.right.drain();
        if (cutOff > 0) log.warn({ cutOff }, "requests were cut off: they took too long to finish");
        log.info("drained");
        process.exit(0);
      });
    });
  }
}

function readFlags(): { readonly help?: boolean; readonly version?: boolean } {
  try {
    return parseArgs({ options: { help: { type: "boolean" }, version: { type: "boolean" } } }).values;
  } catch (error) {
    console.error(`pagoda: ${(error as Error).message}\n\n${help()}`);
    process.exit(usageError);
  }
}

function version(): string {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { readonly version: string }).version;
}

function help(): string {
  const rows = Object.entries(variables).map(
    ([name, { about, valid, fallback }]) =>
      `  ${name}\n      ${about}\n      ${valid}\n      default: ${fallback === "" ? "none" : fallback}`,
  );
  return [
    "pagoda: an HTTP proxy composed from typed layers",
    "",
    "Usage: pagoda [--help] [--version]",
    "",
    "Environment:",
    ...rows,
    "",
    "SIGTERM or SIGINT drains and ends; a second one ends at once.",
    "Exit codes: 0 ended as told, 1 could not listen, 2 called or configured wrongly.",
  ].join("\n");
}

function demoText({ url, adminUrl, upstreams }: Proxy): string {
  return [
    "",
    `  No upstream is configured, so two demo origins answer: ${upstreams.join(", ")}`,
    "",
    `  proxy  ${url}`,
    `  admin  ${adminUrl}  /health /ready /metrics /stack`,
    "",
    "  Try:",
    `    curl ${url}/`,
    `    curl ${adminUrl}/stack`,
    `    curl -s ${adminUrl}/metrics | grep http_requests_total`,
    "",
  ].join("\n");
}
