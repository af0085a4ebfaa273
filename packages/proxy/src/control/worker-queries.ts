import type { Clock, Description } from "@pagoda/core";
import type { Logger } from "pino";
import type { ClusterStatus } from "../data-plane/types.ts";
import { DeadWorkerCounts } from "./dead-worker-counts.ts";
import type { ProcessMetrics } from "./exposition.ts";
import type { Ask, Asks } from "./protocol.ts";
import type { Watchdog } from "./watchdog.ts";
import type { Answered, WorkerProcess } from "./worker-process.ts";

/** Milliseconds that a worker has to answer whether it is ready: probes do not wait for long. */
const readyMs = 3_000;
/** Milliseconds that it has to answer otherwise; a drain has its own time in addition. */
export const answerMs = 5_000;

/** The stacks of a worker, by listener. */
export interface WorkerStacks {
  readonly worker: number;
  readonly pid: number;
  /** `undefined`: it does not answer. */
  readonly listeners: Readonly<Record<string, Description>> | undefined;
}

export interface WorkerQueriesOptions {
  readonly workers: () => Iterable<WorkerProcess>;
  readonly watchdog: Watchdog<WorkerProcess>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What operators ask of the workers. One that does not answer in time is left out. */
export class WorkerQueries {
  readonly #options: WorkerQueriesOptions;
  readonly #dead = new DeadWorkerCounts();

  constructor(options: WorkerQueriesOptions) {
    this.#options = options;
  }

  /** A worker has died: what it had counted stays. */
  async died(worker: WorkerProcess): Promise<void> {
    await this.#dead.died(worker);
  }

  /** Why no traffic should come here now; `undefined`: at least one worker takes it. */
  async notReady(): Promise<string | undefined> {
    const workers = [...this.#options.workers()];
    if (workers.length === 0) return "starting";
    const ready = Promise.withResolvers<undefined>();
    const reasons = workers.map(async (worker) => {
      const answered = await this.#ask(worker, readyMs, "notReady");
      if (answered !== undefined && answered.answer === undefined) ready.resolve(undefined);
      return answered?.answer;
    });
    // The first that takes traffic is enough: nobody waits for one that does not answer.
    const none = Promise.all(reasons).then(
      (all) => all.find((each) => each !== undefined) ?? "no worker answers",
    );
    return Promise.race([ready.promise, none]);
  }

  /** Which worker does not answer; `undefined`: all that serve do. */
  unhealthy(): string | undefined {
    for (const worker of this.#options.workers())
      if (this.#options.watchdog.isSilent(worker))
        return `worker ${worker.worker} has not answered for ${this.#options.watchdog.silentMs(worker) / 1_000} s`;
    return undefined;
  }

  /** Those of each worker, and of those that have died. */
  async metrics(): Promise<readonly ProcessMetrics[]> {
    const each = await Promise.all(
      Array.from(this.#options.workers(), async (worker) => {
        const process = String(worker.worker);
        const metrics = (await this.#ask(worker, answerMs, "metrics"))?.answer;
        if (metrics === undefined) return { process, metrics: this.#dead.last(worker) };
        this.#dead.saw(worker, metrics);
        return { process, metrics };
      }),
    );
    this.#dead.forgetGone(each.map(({ metrics }) => metrics));
    return [{ process: undefined, metrics: this.#dead.sum }, ...each];
  }

  async describe(): Promise<readonly WorkerStacks[]> {
    const each = await Promise.all(
      Array.from(this.#options.workers(), async (worker) => {
        const { worker: number, pid = 0 } = worker;
        return { worker: number, pid, listeners: (await this.#ask(worker, answerMs, "describe"))?.answer };
      }),
    );
    return each.toSorted((one, other) => one.worker - other.worker);
  }

  clusters(): Promise<readonly (readonly ClusterStatus[])[]> {
    return this.all(answerMs, "clusters");
  }

  async setLogLevel(level: string): Promise<void> {
    await this.all(answerMs, "setLogLevel", level);
  }

  /** What those workers answer that do, in time. */
  async all<A extends Ask>(
    limitMs: number,
    ask: A,
    ...args: Parameters<Asks[A]>
  ): Promise<ReturnType<Asks[A]>[]> {
    const answers = await Promise.all(
      Array.from(this.#options.workers(), (worker) => this.#ask(worker, limitMs, ask, ...args)),
    );
    return answers.filter((each) => each !== undefined).map(({ answer }) => answer);
  }

  /** What a worker answers in time; `undefined`: nothing. One that is known to be silent is not waited for. */
  async #ask<A extends Ask>(
    worker: WorkerProcess,
    limitMs: number,
    ask: A,
    ...args: Parameters<Asks[A]>
  ): Promise<Answered<ReturnType<Asks[A]>>> {
    if (this.#options.watchdog.isSilent(worker)) return undefined;
    const answered = await this.within(limitMs, worker.ask(ask, ...args));
    if (answered !== "late") return answered;
    this.#options.log.warn({ worker: worker.worker, ask }, "worker does not answer; continuing without it");
    return undefined;
  }

  async within<T>(limitMs: number, answer: Promise<T>): Promise<T | "late"> {
    const { clock } = this.#options;
    const { promise: late, resolve } = Promise.withResolvers<"late">();
    const timer = clock.setTimer(limitMs, () => resolve("late"));
    const first = await Promise.race([answer, late]);
    clock.clearTimer(timer);
    return first;
  }
}
