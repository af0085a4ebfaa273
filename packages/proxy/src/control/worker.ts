import { parentPort, workerData } from "node:worker_threads";
import { isLeft, left, right } from "fp-ts/lib/Either.js";
import { collectDefaultMetrics, Registry } from "prom-client";
import { startDataPlane } from "../data-plane/data-plane.ts";
import type { DataPlane, MetricData } from "../data-plane/types.ts";
import { createLogger } from "../log.ts";
import { countDropped, standardOutput } from "../log-output.ts";
import type { Ask, Asks, Question, Reply, WorkerData } from "./protocol.ts";

/** What each thread has of its own; the rest is the process's, and the main thread tells it. */
const ofThreads = /^(?:nodejs_(?:eventloop|gc|heap)|pagoda_log_lines_dropped_total$)/;

type Answers = {
  readonly [A in Ask]: (...args: Parameters<Asks[A]>) => Promise<ReturnType<Asks[A]>> | ReturnType<Asks[A]>;
};

/** A worker thread: a data plane that does what the main thread says. */
export function runWorker(): void {
  const { worker, logLevel } = workerData as WorkerData;
  const output = standardOutput();
  const log = createLogger(logLevel, output).child({ worker });
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  countDropped(output, registry);
  let running: DataPlane | undefined;

  const answers: Answers = {
    async apply({ resolved, ...rest }) {
      const context = { ...rest, log };
      try {
        const done = await (running?.apply(resolved, context) ?? startDataPlane(resolved, context));
        if (isLeft(done)) return done;
        running ??= done.right as DataPlane;
        return right(running.listening);
      } catch (error) {
        // A layer that cannot be made as it is told to: the check of the configuration has missed something.
        return left({
          _tag: "ConfigRefused",
          reason: error instanceof Error ? error.message : String(error),
        });
      }
    },
    notReady: () => (running === undefined ? "starting" : running.notReady()),
    async metrics() {
      const own = (await registry.getMetricsAsJSON()) as unknown as readonly MetricData[];
      const threads = own.filter(({ name }) => ofThreads.test(name)).map(plain);
      return [...threads, ...((await running?.metrics()) ?? [])];
    },
    describe: () => running?.describe() ?? {},
    clusters: () => running?.clusters() ?? [],
    setLogLevel: (level) => running?.setLogLevel(level),
    drain: (limitMs) => running?.drain(limitMs) ?? 0,
  };

  parentPort?.on("message", ({ id, ask, args }: Question) => {
    const answer = answers[ask] as (...args: readonly unknown[]) => unknown;
    // What is thrown here ends the thread, as any mistake of the program does.
    void Promise.resolve(answer(...args)).then((said) => {
      const reply: Reply = { id, answer: said };
      parentPort?.postMessage(reply);
    });
  });
}

/** Without the functions that some metrics bring along. */
function plain({ name, help, type, aggregator, values }: MetricData): MetricData {
  return { name, help, type, aggregator, values };
}
