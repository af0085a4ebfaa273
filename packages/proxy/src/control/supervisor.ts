import type { Clock, Description, Timer } from "@pagoda/core";
import { type Either, isLeft, right } from "fp-ts/lib/Either.js";
import type { Logger } from "pino";
import { Counter, type Registry } from "prom-client";
import type { Resolved } from "../config/resolved.ts";
import type { ClusterStatus, Listening, MetricData } from "../data-plane/types.ts";
import { Backoff } from "./backoff.ts";
import { PastCounts } from "./past.ts";
import { type Ask, type Asks, type Assignment, type NotApplied, notAppliedText } from "./protocol.ts";
import { SharedState } from "./shared-state.ts";
import { Thread, type ThreadEnd, type WorkerCode } from "./thread.ts";

export interface SupervisorOptions {
  readonly workers: number;
  readonly code: WorkerCode;
  readonly log: Logger;
  readonly registry: Registry;
  readonly clock: Clock;
}

/**
 * The worker threads. All do the same, and share the ports: the system gives each connection to one of them. One that dies
 * takes along only what was under way on it, and another one takes its place.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #restarts: Counter<"reason">;
  readonly #threads = new Map<number, Thread>();
  readonly #waiting = new Set<Timer>();
  readonly #shared = new SharedState();
  readonly #past = new PastCounts();
  #assignment: Assignment | undefined;
  #listening: readonly Listening[] = [];
  #isEnding = false;
  /** Configurations are taken over one after the other, and so are threads that begin. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#restarts = new Counter({
      name: "pagoda_worker_restarts_total",
      help: "Worker threads that ended although nobody told them to, by reason: crash, memory, exit",
      labelNames: ["reason"],
      registers: [options.registry],
    });
    for (const reason of ["crash", "memory", "exit"]) this.#restarts.inc({ reason }, 0);
  }

  /** Where the listeners listen. */
  get listening(): readonly Listening[] {
    return this.#listening;
  }

  /**
   * Starts the threads; `Left`: it could not be served, and none of them runs.
   *
   * @throws What a thread has died of before it could serve.
   */
  async start(resolved: Resolved): Promise<Either<NotApplied, void>> {
    const { workers } = this.#options;
    this.#assignment = this.#assign(resolved);
    // The first one finds the ports, and whether they can be had.
    const first = await this.#startOne(0);
    if (isLeft(first)) return first;
    const others = Array.from({ length: workers - 1 }, (_, at) => this.#startOne(at + 1));
    const failed = (await Promise.all(others)).find(isLeft);
    if (failed !== undefined) return failed;
    return right(undefined);
  }

  async #startOne(worker: number): Promise<Either<NotApplied, void>> {
    const thread = this.#begin(worker);
    const started = await this.#give(thread);
    if (started !== undefined && !isLeft(started)) return started;
    await this.end();
    if (started !== undefined) return started;
    throw (await thread.ended).cause ?? new Error(`worker ${worker} ended before it served`);
  }

  /** All threads take over another configuration; `Left`: it could not be served, and all go on as before. */
  apply(resolved: Resolved): Promise<Either<NotApplied, void>> {
    return this.#inTurn(async () => {
      const before = this.#assignment as Assignment;
      this.#assignment = this.#assign(resolved);
      const done: Thread[] = [];
      for (const thread of this.#threads.values()) {
        const applied = await this.#give(thread);
        if (applied !== undefined && isLeft(applied)) {
          this.#assignment = before;
          for (const each of done) await this.#give(each);
          return applied;
        }
        done.push(thread);
      }
      this.#shared.keep(resolved);
      return right(undefined);
    });
  }

  /** Why no traffic should come here now; `undefined`: at least one thread takes it. */
  async notReady(): Promise<string | undefined> {
    const all = await this.#all("notReady");
    return all.length === 0 ? "starting" : all.includes(undefined) ? undefined : all[0];
  }

  /** Those of each thread, and of those that have died. */
  async metrics(): Promise<readonly (readonly MetricData[])[]> {
    const each = await Promise.all(
      Array.from(this.#threads.values(), async (thread) => {
        const metrics = (await thread.ask("metrics"))?.answer ?? [];
        this.#past.saw(thread, metrics);
        return metrics;
      }),
    );
    return [this.#past.sum, ...each];
  }

  /** The stacks of each thread, by listener. */
  describe(): Promise<readonly Readonly<Record<string, Description>>[]> {
    return this.#all("describe");
  }

  clusters(): Promise<readonly (readonly ClusterStatus[])[]> {
    return this.#all("clusters");
  }

  async setLogLevel(level: string): Promise<void> {
    await this.#all("setLogLevel", level);
  }

  /** @returns How many requests were cut off. */
  async drain(limitMs: number): Promise<number> {
    this.#isEnding = true;
    const cutOff = await this.#all("drain", limitMs);
    await this.end();
    return cutOff.reduce((sum, each) => sum + each, 0);
  }

  /** Ends all threads at once. */
  async end(): Promise<void> {
    this.#isEnding = true;
    for (const timer of this.#waiting) this.#options.clock.clearTimer(timer);
    await Promise.all(Array.from(this.#threads.values(), (thread) => thread.terminate()));
  }

  #assign(resolved: Resolved): Assignment {
    const { workers } = this.#options;
    return {
      resolved: { ...resolved, config: { ...resolved.config, workers } },
      limits: this.#shared.limits(resolved, workers),
      ticketSecret: this.#shared.ticketSecret,
      ports: portsOf(this.#listening),
    };
  }

  /** @returns `undefined` when the thread has died over it. */
  async #give(thread: Thread): Promise<Either<NotApplied, void> | undefined> {
    const assignment = this.#assignment as Assignment;
    const applied = (await thread.ask("apply", assignment))?.answer;
    if (applied === undefined || isLeft(applied)) return applied;
    this.#listening = applied.right;
    // The next ones get the ports that this one was given.
    this.#assignment = { ...assignment, ports: portsOf(applied.right) };
    return right(undefined);
  }

  /** Starts a thread, and the next one whenever it ends. */
  #begin(worker: number, backoff: Backoff = new Backoff(this.#options.clock)): Thread {
    const { code, clock, log } = this.#options;
    const thread = new Thread(code, { worker, logLevel: log.level });
    this.#threads.set(worker, thread);
    void thread.ended.then((end) => {
      this.#threads.delete(worker);
      if (this.#isEnding) return;
      void this.#past.died(thread);
      this.#died(worker, end);
      const timer = clock.setTimer(backoff.next(), () => {
        this.#waiting.delete(timer);
        void this.#inTurn(() => this.#replace(worker, backoff));
      });
      this.#waiting.add(timer);
    });
    return thread;
  }

  async #replace(worker: number, backoff: Backoff): Promise<void> {
    if (this.#isEnding) return;
    const thread = this.#begin(worker, backoff);
    const started = await this.#give(thread);
    if (started === undefined) return;
    if (!isLeft(started)) {
      this.#options.log.info({ worker }, "a worker has taken the place of the one that died");
      return;
    }
    this.#options.log.error({ worker }, `a worker cannot serve: ${notAppliedText(started.left)}`);
    await thread.terminate();
  }

  #died(worker: number, { reason, cause }: ThreadEnd): void {
    this.#restarts.inc({ reason });
    this.#options.log.error({ worker, reason, err: cause }, "a worker has died: another one takes its place");
  }

  #inTurn<A>(run: () => Promise<A>): Promise<A> {
    const next = this.#turn.then(run);
    this.#turn = next.catch(() => {});
    return next;
  }

  /** What those threads answer that do. */
  async #all<A extends Ask>(ask: A, ...args: Parameters<Asks[A]>): Promise<ReturnType<Asks[A]>[]> {
    const answers = await Promise.all(
      Array.from(this.#threads.values(), (thread) => thread.ask(ask, ...args)),
    );
    return answers.filter((each) => each !== undefined).map(({ answer }) => answer);
  }
}

function portsOf(listening: readonly Listening[]): ReadonlyMap<string, number> {
  return new Map(listening.map(({ name, port }) => [name, port]));
}
