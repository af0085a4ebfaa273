import type { Clock, Description } from "@pagoda/core";
import type { Logger } from "pino";
import type { ClusterStatus, ResetQuery, WasReset } from "../data-plane/types.ts";
import type { CallRecord, RequestQuery, TapQuery } from "../recorder/call-record.ts";
import type { SampleDetail, WorkerSample } from "../live/sample.ts";
import { cpuMsSince } from "./cpu-time.ts";
import { DeadWorkerCounts } from "./dead-worker-counts.ts";
import type { ProcessMetrics } from "./exposition.ts";
import type { WorkerMethod, WorkerMethods } from "./protocol.ts";
import type { Watchdog } from "./watchdog.ts";
import type { Answered, WorkerProcess } from "./worker-process.ts";
import { within } from "../within.ts";

/** Timeout of readiness queries in milliseconds, short because probes do not wait for long. */
const readyMs = 3_000;
/** Timeout of other queries in milliseconds; a drain has its own time in addition. */
export const answerMs = 5_000;

/** The stacks of a worker, by listener. */
export interface WorkerStacks {
  readonly worker: number;
  readonly pid: number;
  /** Undefined if it does not answer. */
  readonly listeners: Readonly<Record<string, Description>> | undefined;
}

/** A worker's answer to `sample`. */
export interface WorkerAnswer {
  readonly worker: number;
  readonly pid: number;
  readonly sample: WorkerSample;
  /** CPU milliseconds that it has cost, here and there. */
  readonly cpuMs: number;
  /** Milliseconds until it answered. */
  readonly afterMs: number;
}

export interface WorkerQueriesOptions {
  readonly workers: () => Iterable<WorkerProcess>;
  readonly watchdog: Watchdog<WorkerProcess>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Queries workers for the admin endpoint. A worker that does not answer in time is left out. */
export class WorkerQueries {
  readonly #options: WorkerQueriesOptions;
  readonly #dead = new DeadWorkerCounts();

  constructor(options: WorkerQueriesOptions) {
    this.#options = options;
  }

  /** Keeps the counters of a dead worker. */
  async died(worker: WorkerProcess): Promise<void> {
    await this.#dead.died(worker);
  }

  /** Why no traffic should come here now; undefined if at least one worker takes it. */
  async notReady(): Promise<string | undefined> {
    const workers = [...this.#options.workers()];
    if (workers.length === 0) return "starting";
    const ready = Promise.withResolvers<undefined>();
    const reasons = workers.map(async (worker) => {
      const answered = await this.#request(worker, readyMs, "notReady");
      if (answered !== undefined && answered.answer === undefined) ready.resolve(undefined);
      return answered?.answer;
    });
    // The first ready worker suffices, without waiting for one that does not answer.
    const none = Promise.all(reasons).then(
      (all) => all.find((each) => each !== undefined) ?? "no worker answers",
    );
    return Promise.race([ready.promise, none]);
  }

  /** The worker that does not answer; undefined if all serving workers do. */
  unhealthy(): string | undefined {
    for (const worker of this.#options.workers())
      if (this.#options.watchdog.isSilent(worker))
        return `worker ${worker.worker} has not answered for ${this.#options.watchdog.silentMs(worker) / 1_000} s`;
    return undefined;
  }

  /** The metrics of each worker and of the dead ones. */
  async metrics(): Promise<readonly ProcessMetrics[]> {
    const each = await Promise.all(
      Array.from(this.#options.workers(), async (worker) => {
        const process = String(worker.worker);
        const metrics = (await this.#request(worker, answerMs, "metrics"))?.answer;
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
        return {
          worker: number,
          pid,
          listeners: (await this.#request(worker, answerMs, "describe"))?.answer,
        };
      }),
    );
    return each.toSorted((one, other) => one.worker - other.worker);
  }

  clusters(): Promise<readonly (readonly ClusterStatus[])[]> {
    return this.all(answerMs, "clusters");
  }

  /** What the workers tell for the live page. */
  async samples(detail: SampleDetail): Promise<readonly WorkerAnswer[]> {
    const { clock } = this.#options;
    const from = clock.now();
    const read = async (one: WorkerProcess): Promise<WorkerAnswer[]> => {
      const answer = (await this.#request(one, answerMs, "sample", detail))?.answer;
      if (answer === undefined) return [];
      const afterMs = clock.now() - from;
      const before = process.cpuUsage();
      const sample = JSON.parse(answer.json) as WorkerSample;
      const cpuMs = answer.cpuMs + cpuMsSince(before);
      return [{ worker: one.worker, pid: one.pid ?? 0, sample, cpuMs, afterMs }];
    };
    return (await Promise.all(Array.from(this.#options.workers(), read))).flat();
  }

  /** The kept calls of all workers that match, the newest first. */
  async requests(query: RequestQuery): Promise<readonly CallRecord[]> {
    const each = await Promise.all(
      Array.from(this.#options.workers(), async (one) => {
        const calls = (await this.#request(one, answerMs, "requests", query))?.answer ?? [];
        return calls.map((call): CallRecord => Object.assign(call, { worker: one.worker }));
      }),
    );
    return each
      .flat()
      .toSorted((one, other) => (one.time < other.time ? 1 : -1))
      .slice(0, query.limit);
  }

  /** What has come in all workers since the last reading of this tap, in order. */
  async tap(
    id: string,
    query: TapQuery,
  ): Promise<{ readonly calls: CallRecord[]; readonly skipped: number }> {
    const calls: CallRecord[] = [];
    let skipped = 0;
    const read = async (one: WorkerProcess): Promise<void> => {
      const tapped = (await this.#request(one, answerMs, "tap", id, query))?.answer;
      for (const call of tapped?.calls ?? []) calls.push(Object.assign(call, { worker: one.worker }));
      skipped += tapped?.skipped ?? 0;
    };
    await Promise.all(Array.from(this.#options.workers(), read));
    return { calls: calls.toSorted((one, other) => (one.time < other.time ? -1 : 1)), skipped };
  }

  async closeTap(id: string): Promise<void> {
    await this.all(answerMs, "closeTap", id);
  }

  /** What has been reset in any worker, each once. */
  async reset(query: ResetQuery): Promise<readonly WasReset[]> {
    const all = (await this.all(answerMs, "reset", query)).flat();
    return Array.from(new Map(all.map((each) => [JSON.stringify(each), each])).values());
  }

  async setLogLevel(level: string): Promise<void> {
    await this.all(answerMs, "setLogLevel", level);
  }

  /** The answers of the workers that answer in time. */
  async all<A extends WorkerMethod>(
    limitMs: number,
    method: A,
    ...args: Parameters<WorkerMethods[A]>
  ): Promise<ReturnType<WorkerMethods[A]>[]> {
    const answers = await Promise.all(
      Array.from(this.#options.workers(), (worker) => this.#request(worker, limitMs, method, ...args)),
    );
    return answers.filter((each) => each !== undefined).map(({ answer }) => answer);
  }

  /** A worker's answer; undefined if it is late. Does not wait for a worker known to be silent. */
  async #request<A extends WorkerMethod>(
    worker: WorkerProcess,
    limitMs: number,
    method: A,
    ...args: Parameters<WorkerMethods[A]>
  ): Promise<Answered<ReturnType<WorkerMethods[A]>>> {
    if (this.#options.watchdog.isSilent(worker)) return undefined;
    const answered = await within(limitMs, worker.request(method, ...args), this.#options.clock);
    if (answered !== "late") return answered;
    this.#options.log.warn(
      { worker: worker.worker, method },
      "worker does not answer; continuing without it",
    );
    return undefined;
  }
}
