import { isLeft, left, right, systemClock } from "@pagoda/core";
import { Registry } from "prom-client";
import { CentralEndpoints } from "../data-plane/central-endpoints.ts";
import { startDataPlane } from "../data-plane/data-plane.ts";
import { EjectedEndpoints } from "../data-plane/ejected-endpoints.ts";
import type { DataPlane, Found, MetricData } from "../data-plane/types.ts";
import { createLogger } from "../log.ts";
import type { AnyPolicy } from "../policies/policy.ts";
import { countDropped, standardOutput } from "../log-output.ts";
import { DecisionMetrics } from "./decision-metrics.ts";
import { LeasedLimits } from "./leased-limits.ts";
import { cpuMsSince } from "./cpu-time.ts";
import { processMetrics } from "./process-metrics.ts";
import { ReceivedSockets } from "./received-sockets.ts";
import { WorkerPolicies } from "./worker-policies.ts";
import type {
  WorkerMethod,
  WorkerMethods,
  FromWorker,
  WorkerRequest,
  ToWorker,
  WorkerArguments,
} from "./protocol.ts";
import type { SocketHandle } from "./sockets.ts";

/**
 * Metrics that the main process reports for all workers: they are the same everywhere, or have no
 * meaningful sum.
 */
const ofMain = /^(?:process_start_time_seconds|process_max_fds|nodejs_version_info)$/;

/** Milliseconds allowed for flushing the log. */
const lastLinesMs = 1_000;

/**
 * Only the main process decides when to end; signals to the process group or terminal are ignored.
 */
const ignored = ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2"] as const;

type Methods = {
  readonly [A in WorkerMethod]: (
    ...args: Parameters<WorkerMethods[A]>
  ) => Promise<ReturnType<WorkerMethods[A]>> | ReturnType<WorkerMethods[A]>;
};

/**
 * Runs a worker process: a data plane controlled by the main process.
 *
 * @param own The policies of the program, besides the built-in ones.
 */
export function runWorker({ worker, logLevel }: WorkerArguments, own: readonly AnyPolicy[] = []): void {
  for (const signal of ignored) process.on(signal, () => {});
  // The main process has ended, for whatever reason.
  process.once("disconnect", () => exit(0));
  process.on("uncaughtException", (error: unknown) => {
    send({ kind: "crashed", cause: error instanceof Error ? error : new Error(String(error)) });
    exit(1);
  });
  const output = standardOutput();
  const log = createLogger(logLevel, output).child({ worker });
  const registry = new Registry();
  processMetrics(registry);
  countDropped(output, registry);
  const limits = new LeasedLimits(send, new DecisionMetrics(registry, systemClock));
  const sockets = new ReceivedSockets();
  const workerPolicies = new WorkerPolicies(log, own);
  const central = new CentralEndpoints();
  const ejected = new EjectedEndpoints();
  const found = (endpoints: Found): void => send({ kind: "found", found: endpoints });
  let running: DataPlane | undefined;

  const methods: Methods = {
    async apply({ resolved, plugins, stacks, ...rest }) {
      try {
        const policies = await workerPolicies.of(plugins, stacks);
        if (isLeft(policies)) return policies;
        const context = {
          ...rest,
          log,
          policies: policies.right,
          found,
          central,
          ejected,
          sockets: sockets.take,
          limits: limits.of,
        };
        const done = await (running?.apply(resolved, context) ?? startDataPlane(resolved, context));
        if (isLeft(done)) return done;
        running ??= done.right as DataPlane;
        return right(running.listening);
      } catch (error) {
        // A layer rejected its options: the check of the configuration has missed something.
        return left({
          _tag: "ConfigRefused",
          reason: error instanceof Error ? error.message : String(error),
        });
      } finally {
        sockets.closeRest();
      }
    },
    notReady: () => (running === undefined ? "starting" : running.notReady()),
    ping: () => true,
    async metrics() {
      const own = (await registry.getMetricsAsJSON()) as unknown as readonly MetricData[];
      const ofProcess = own.filter(({ name }) => !ofMain.test(name)).map(plain);
      return [...ofProcess, ...((await running?.metrics()) ?? [])];
    },
    describe: () => running?.describe() ?? {},
    clusters: () => running?.clusters() ?? [],
    sample(detail) {
      if (running === undefined) return undefined;
      const before = process.cpuUsage();
      const processCpuMs = (before.user + before.system) / 1_000;
      const { rss: memoryBytes } = process.memoryUsage();
      // As text, so that its whole cost is known here: not how long sending an object takes.
      const json = JSON.stringify({ ...running.sample(detail), processCpuMs, memoryBytes });
      return { json, cpuMs: cpuMsSince(before) };
    },
    tap: (id, query) => running?.tap(id, query) ?? { calls: [], skipped: 0 },
    closeTap: (id) => running?.closeTap(id),
    requests: (query) => running?.requests(query) ?? [],
    eject: (all) => ejected.set(all),
    reset: (query) => running?.reset(query) ?? [],
    setLogLevel: (level) => running?.setLogLevel(level),
    async drain(limitMs) {
      const cutOff = (await running?.drain(limitMs)) ?? 0;
      // The main process ends it after this answer.
      await output.flush(lastLinesMs, systemClock);
      return cutOff;
    },
  };

  const serve = async ({ id, method, args }: WorkerRequest): Promise<void> => {
    const answer = methods[method] as (...args: readonly unknown[]) => unknown;
    // An error thrown here ends the worker, like any defect.
    send({ kind: "reply", id, answer: await answer(...args) });
  };
  process.on("message", (message: ToWorker, handle: unknown) => {
    if (message.kind === "request") void serve(message);
    else if (message.kind === "leased") limits.answered(message);
    else if (message.kind === "central") central.receive(message.update);
    else if (message.kind === "central-kept") central.keep(message.sources);
    else if (message.kind === "end") exit(0);
    else sockets.add(message.listener, handle as SocketHandle);
  });
}

function send(message: FromWorker): void {
  // Without a callback, a main process that has just ended would cause an uncaught error.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

function exit(code: number): never {
  // oxlint-disable-next-line unicorn/no-process-exit -- nothing is left to do, whatever is still open
  process.exit(code);
}

/** Metrics without the functions that some of them carry. */
function plain({ name, help, type, aggregator, values }: MetricData): MetricData {
  return { name, help, type, aggregator, values };
}
