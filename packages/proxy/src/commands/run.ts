import { constants } from "node:os";
import { isLeft, mustBe, systemClock } from "@pagoda/core";
import type { Logger } from "pino";
import { type Environment, variables } from "../config/environment.ts";
import { type Proxy, startProxy } from "../control/proxy.ts";
import type { WorkerCode } from "../control/worker-process.ts";
import { activated } from "../control/activation.ts";
import { predecessor } from "../control/replacement.ts";
import { createLogger } from "../log.ts";
import { type LogOutput, standardOutput } from "../log-output.ts";
import { type Command, parsed, usageError } from "./command.ts";

export interface RunOptions {
  /** How to start a worker process. Default: from the source module. */
  readonly code?: WorkerCode | undefined;
  /** The command line, without the executable. */
  readonly argv: readonly string[];
  readonly version: string;
}

export function runCommand(options: RunOptions): Command {
  return {
    usage: "[run] [-c FILE] [--workers N|all]",
    about:
      "Runs the proxy. SIGHUP reloads the configuration, SIGUSR2 replaces the process, SIGTERM and SIGINT drain it; a second one ends it at once.",
    async run(args, io) {
      const flags = parsed(args, { config: { type: "string", short: "c" }, workers: { type: "string" } });
      if (typeof flags === "string") return wrong(io, flags);
      const [unexpected] = flags.positionals;
      if (unexpected !== undefined) return wrong(io, `unknown command or argument "${unexpected}"`);
      const { config: file, workers } = flags.values;
      const { schema, valid } = variables.PROXY_WORKERS;
      if (workers !== undefined && !schema.safeParse(workers).success)
        return wrong(io, mustBe("--workers", valid, workers));
      return serve(file, workers === undefined ? io.env : { ...io.env, PROXY_WORKERS: workers }, io, options);
    },
  };
}

type Io = Parameters<Command["run"]>[1];

/** Milliseconds allowed for flushing the log. */
const lastLinesMs = 1_000;

function wrong(io: Io, message: string): number {
  io.stderr(`pagoda: ${message}; see pagoda --help\n`);
  return usageError;
}

async function serve(
  file: string | undefined,
  env: Environment,
  io: Io,
  { code, argv, version }: RunOptions,
): Promise<number> {
  const stop = Promise.withResolvers<void>();
  const output = standardOutput();
  let log: Logger | undefined;
  let isStopping = false;
  const drain = (reason: Readonly<Record<string, string | number>>): void => {
    isStopping = true;
    log?.info(reason, "draining: finishing requests in flight, accepting no new ones");
    stop.resolve();
  };
  // From here on connections are accepted, so a signal must drain.
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (!isStopping) return drain({ signal });
      log?.warn({ signal }, "second signal; exiting at once");
      process.exit(128 + constants.signals[signal]);
    });
  }
  const starting = startProxy({
    predecessor: await predecessor(),
    activated: activated(process.env),
    file,
    env,
    log: (level) => (log = createLogger(level, output)),
    output,
    onDrain: () => drain({ path: "/drain" }),
    version,
    ...(code && { code }),
  });
  process.on("SIGHUP", () => {
    void starting.then(async (one) => {
      if (!isLeft(one)) await one.right.reload("SIGHUP");
    });
  });
  let isReplacing = false;
  process.on("SIGUSR2", () => {
    void starting.then(async (one) => {
      if (isLeft(one) || isStopping || isReplacing) return;
      isReplacing = true;
      one.right.log.info("starting a replacement process");
      const replaced = await one.right.replace(argv);
      isReplacing = false;
      if (isLeft(replaced))
        return one.right.log.error({ reason: replaced.left }, "replacement failed; continuing");
      // A signal to end this process in the meantime is meant for both.
      if (isStopping) process.kill(replaced.right, "SIGTERM");
      else drain({ replacedBy: replaced.right });
    });
  });
  const started = await starting;
  if (isLeft(started)) {
    if (started.left._tag === "ConfigInvalid") {
      for (const problem of started.left.problems) io.stderr(`pagoda: ${problem}\n`);
      return usageError;
    }
    const { log, reason, cause } = started.left;
    log.fatal(cause === undefined ? {} : { err: cause }, reason);
    await output.flush(lastLinesMs, systemClock);
    return 1;
  }
  const proxy = started.right;
  announce(proxy, output);
  await stop.promise;
  const cutOff = await proxy.drain();
  if (cutOff > 0) proxy.log.warn({ cutOff }, "drain timed out; requests cut off");
  proxy.log.info("drained");
  await output.flush(lastLinesMs, systemClock);
  return 0;
}

function announce({ listening, adminUrl, config, demo, log }: Proxy, output: LogOutput): void {
  const urls = listening.map(({ url }) => url);
  const upstreams = Object.values(config.clusters).flatMap(({ endpoints = [] }) =>
    endpoints.map((each) => (typeof each === "string" ? each : each.url)),
  );
  const [url = ""] = urls;
  log.info(
    { url, urls, adminUrl, upstreams },
    `listening on ${urls.join(", ") || "no address yet"}, admin on ${adminUrl}`,
  );
  if (demo) output.write(demoText(url, adminUrl, upstreams));
}

function demoText(url: string, adminUrl: string, upstreams: readonly string[]): string {
  return [
    "",
    `  No upstream is configured, so two demo origins answer: ${upstreams.join(", ")}`,
    "",
    `  proxy  ${url}`,
    `  admin  ${adminUrl}  /health /ready /metrics /stack /clusters /config`,
    "",
    "  Try:",
    `    curl ${url}/`,
    `    curl ${adminUrl}/stack`,
    `    curl -s ${adminUrl}/metrics | grep http_requests_total`,
    "",
    "",
  ].join("\n");
}
