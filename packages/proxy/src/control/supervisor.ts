import type { Clock, Description, Timer } from "@pagoda/core";
import { type Either, isLeft, right } from "fp-ts/lib/Either.js";
import type { Logger } from "pino";
import { Counter, Gauge, type Registry } from "prom-client";
import type { Resolved } from "../config/resolved.ts";
import { listenerName } from "../config/names.ts";
import type { ClusterStatus, Listening } from "../data-plane/types.ts";
import { Backoff } from "./backoff.ts";
import type { ProcessMetrics } from "./exposition.ts";
import { KnownEndpoints } from "./known-endpoints.ts";
import { PastCounts } from "./past.ts";
import { type Ask, type Asks, type Assignment, type NotApplied, notAppliedText } from "./protocol.ts";
import { SharedState } from "./shared-state.ts";
import { socketName, Sockets, type SocketsByName, socketsOf } from "./sockets.ts";
import { Watchdog } from "./watchdog.ts";
import {
  type Answered,
  type WorkerCode,
  type WorkerEnd,
  type WorkerEvents,
  WorkerProcess,
} from "./worker-process.ts";

export interface SupervisorOptions {
  readonly workers: number;
  readonly code: WorkerCode;
  readonly log: Logger;
  readonly registry: Registry;
  readonly clock: Clock;
  /** Sockets of a process whose place this one takes. */
  readonly inherited?: SocketsByName | undefined;
  /** The same for the secret of TLS sessions. */
  readonly ticketSecret?: Uint8Array | undefined;
}

/** Milliseconds that a worker has to answer whether it is ready: probes do not wait for long. */
const readyMs = 3_000;
/** Milliseconds that it has to answer otherwise; a drain has its own time in addition. */
const answerMs = 5_000;
/** Milliseconds that it has to take over a configuration. One that hangs is noticed before by the watchdog. */
const applyMs = 60_000;

/** Milliseconds that a worker gets to end after its drain: for what Node writes then, such as a profile. */
const retireMs = 2_000;

interface Assigned extends Assignment {
  readonly sockets: SocketsByName;
}

/** The stacks of a worker, by listener. */
export interface WorkerStacks {
  readonly worker: number;
  readonly pid: number;
  /** `undefined`: it does not answer. */
  readonly listeners: Readonly<Record<string, Description>> | undefined;
}

/**
 * The worker processes. All do the same, and share the ports: the system gives each connection to one of them. One that dies
 * takes along only what was under way on it, and another one takes its place.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #restarts: Counter<"reason">;
  readonly #running = new Map<number, WorkerProcess>();
  readonly #waiting = new Set<Timer>();
  readonly #shared: SharedState;
  readonly #past = new PastCounts();
  readonly #known = new KnownEndpoints();
  readonly #sockets: Sockets;
  readonly #watchdog: Watchdog<WorkerProcess>;
  #assignment: Assigned | undefined;
  #listening: readonly Listening[] = [];
  #isEnding = false;
  /** Configurations are applied, and workers started, one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#shared = new SharedState(options.clock, options.ticketSecret);
    this.#sockets = new Sockets(options.workers, options.inherited);
    this.#watchdog = new Watchdog({
      clock: options.clock,
      workers: () => this.#running.values(),
      timeoutMs: () => (this.#assignment as Assigned).resolved.config.watchdog.timeout,
      hung: (worker, silentMs) => worker.hangs(`no answer for ${silentMs / 1_000} s`),
    });
    silence(options.registry, () =>
      Array.from(this.#running.values(), (each) => [each.worker, this.#watchdog.silentMs(each)]),
    );
    this.#restarts = new Counter({
      name: "pagoda_worker_restarts_total",
      help: "Workers that ended unexpectedly, by reason: crash, memory, hang, exit",
      labelNames: ["reason"],
      registers: [options.registry],
    });
    for (const reason of ["crash", "memory", "hang", "exit"]) this.#restarts.inc({ reason }, 0);
  }

  get ticketSecret(): Uint8Array {
    return this.#shared.ticketSecret;
  }

  /** The sockets on which the workers listen. */
  get sockets(): SocketsByName {
    return this.#sockets.open;
  }

  /** Where the listeners listen. */
  get listening(): readonly Listening[] {
    return this.#listening;
  }

  /**
   * Starts the workers; `Left`: it could not be served, and none of them runs.
   *
   * @throws What a worker has died of before it could serve.
   */
  async start(resolved: Resolved): Promise<Either<NotApplied, void>> {
    const { workers } = this.#options;
    const sockets = await this.#sockets.prepare(resolved.config.listeners);
    if (isLeft(sockets)) return sockets;
    this.#sockets.use(sockets.right);
    this.#assignment = this.#assign(resolved, sockets.right);
    this.#watchdog.begin();
    // The first one finds the ports, and whether they can be had.
    const first = await this.#startOne(0);
    if (isLeft(first)) return first;
    const others = Array.from({ length: workers - 1 }, (_, at) => this.#startOne(at + 1));
    const failed = (await Promise.all(others)).find(isLeft);
    if (failed !== undefined) return failed;
    return right(undefined);
  }

  async #startOne(number: number): Promise<Either<NotApplied, void>> {
    const worker = this.#begin(number);
    const started = await this.#give(worker);
    if (started !== undefined && !isLeft(started)) return started;
    await this.end();
    if (started !== undefined) return started;
    throw (await worker.ended).cause ?? new Error(`worker ${number} ended before it served`);
  }

  /** All workers take over another configuration; `Left`: it could not be served, and all go on as before. */
  apply(resolved: Resolved): Promise<Either<NotApplied, void>> {
    return this.#inTurn(async () => {
      const before = this.#assignment as Assigned;
      const sockets = await this.#sockets.prepare(resolved.config.listeners);
      if (isLeft(sockets)) return sockets;
      this.#assignment = this.#assign(resolved, sockets.right);
      const done: WorkerProcess[] = [];
      for (const worker of this.#running.values()) {
        const applied = await this.#give(worker);
        if (applied !== undefined && isLeft(applied)) {
          this.#assignment = before;
          for (const each of done) await this.#give(each);
          this.#sockets.drop(sockets.right);
          return applied;
        }
        done.push(worker);
      }
      this.#sockets.use(sockets.right);
      this.#shared.keep(resolved);
      this.#known.keep(resolved);
      return right(undefined);
    });
  }

  /** Why no traffic should come here now; `undefined`: at least one worker takes it. */
  async notReady(): Promise<string | undefined> {
    const workers = [...this.#running.values()];
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
    for (const worker of this.#running.values())
      if (this.#watchdog.isSilent(worker))
        return `worker ${worker.worker} has not answered for ${this.#watchdog.silentMs(worker) / 1_000} s`;
    return undefined;
  }

  /** Those of each worker, and of those that have died. */
  async metrics(): Promise<readonly ProcessMetrics[]> {
    const each = await Promise.all(
      Array.from(this.#running.values(), async (worker) => {
        const process = String(worker.worker);
        const metrics = (await this.#ask(worker, answerMs, "metrics"))?.answer;
        if (metrics === undefined) return { process, metrics: this.#past.last(worker) };
        this.#past.saw(worker, metrics);
        return { process, metrics };
      }),
    );
    this.#past.forgetGone(each.map(({ metrics }) => metrics));
    return [{ process: undefined, metrics: this.#past.sum }, ...each];
  }

  async describe(): Promise<readonly WorkerStacks[]> {
    const each = await Promise.all(
      Array.from(this.#running.values(), async (worker) => {
        const { worker: number, pid = 0 } = worker;
        return { worker: number, pid, listeners: (await this.#ask(worker, answerMs, "describe"))?.answer };
      }),
    );
    return each.toSorted((one, other) => one.worker - other.worker);
  }

  clusters(): Promise<readonly (readonly ClusterStatus[])[]> {
    return this.#all(answerMs, "clusters");
  }

  async setLogLevel(level: string): Promise<void> {
    await this.#all(answerMs, "setLogLevel", level);
  }

  /** @returns How many requests were cut off. */
  async drain(limitMs: number): Promise<number> {
    this.#isEnding = true;
    // Once the workers stop listening, new connections are refused rather than left waiting.
    this.#sockets.close();
    const cutOff = await this.#all(limitMs + answerMs, "drain", limitMs);
    const { clock } = this.#options;
    await Promise.all(Array.from(this.#running.values(), (worker) => worker.retire(retireMs, clock)));
    await this.end();
    return cutOff.reduce((sum, each) => sum + each, 0);
  }

  /** Ends all workers at once. */
  async end(): Promise<void> {
    this.#isEnding = true;
    this.#watchdog.close();
    this.#sockets.close();
    for (const timer of this.#waiting) this.#options.clock.clearTimer(timer);
    await Promise.all(Array.from(this.#running.values(), (worker) => worker.terminate()));
  }

  #assign(resolved: Resolved, sockets: SocketsByName): Assigned {
    const { workers } = this.#options;
    return {
      sockets,
      resolved: { ...resolved, config: { ...resolved.config, workers } },
      sharesLimits: workers > 1,
      ticketSecret: this.#shared.ticketSecret,
    };
  }

  /** @returns `undefined` when the worker has died over it. */
  async #give(worker: WorkerProcess): Promise<Either<NotApplied, void> | undefined> {
    const { sockets, ...assignment } = this.#assignment as Assigned;
    for (const listener of assignment.resolved.config.listeners) {
      const all = sockets.get(socketName(listener)) ?? [];
      for (const socket of socketsOf(worker.worker, this.#options.workers, all))
        worker.give(socket, listenerName(listener));
    }
    const answered = await this.#within(
      applyMs,
      worker.ask("apply", { ...assignment, known: this.#known.all }),
    );
    if (answered === "late") {
      worker.hangs(`configuration not applied within ${applyMs / 1_000} s`);
      return undefined;
    }
    const applied = answered?.answer;
    if (applied === undefined || isLeft(applied)) return applied;
    this.#watchdog.started(worker);
    this.#listening = applied.right;
    return right(undefined);
  }

  /** Starts a worker, and the next one whenever it ends. */
  #begin(number: number, backoff: Backoff = new Backoff(this.#options.clock)): WorkerProcess {
    const { code, clock, log } = this.#options;
    const worker = new WorkerProcess(code, { worker: number, logLevel: log.level }, this.#events(number));
    this.#running.set(number, worker);
    void worker.ended.then((end) => {
      this.#running.delete(number);
      if (this.#isEnding) return;
      void this.#past.died(worker);
      this.#died(number, end);
      const timer = clock.setTimer(backoff.next(), () => {
        this.#waiting.delete(timer);
        void this.#inTurn(() => this.#replace(number, backoff));
      });
      this.#waiting.add(timer);
    });
    return worker;
  }

  async #replace(number: number, backoff: Backoff): Promise<void> {
    if (this.#isEnding) return;
    const worker = this.#begin(number, backoff);
    const started = await this.#give(worker);
    if (started === undefined) return;
    if (!isLeft(started)) {
      this.#options.log.info({ worker: number }, "worker restarted");
      return;
    }
    this.#options.log.error({ worker: number }, `worker cannot serve: ${notAppliedText(started.left)}`);
    await worker.terminate();
  }

  #events(number: number): WorkerEvents {
    return {
      lease: (request, worker) => {
        const reply = this.#shared.lease(request);
        if (reply !== undefined) worker.tell(reply);
      },
      found: (found) => this.#known.found(found),
      stderr: (text) => this.#options.log.warn({ worker: number }, text.trimEnd()),
    };
  }

  #died(number: number, { reason, cause }: WorkerEnd): void {
    this.#restarts.inc({ reason });
    this.#options.log.error({ worker: number, reason, err: cause }, "worker died; starting another");
  }

  #inTurn<A>(run: () => Promise<A>): Promise<A> {
    const next = this.#turn.then(run);
    this.#turn = next.catch(() => {});
    return next;
  }

  /** What those workers answer that do, in time. */
  async #all<A extends Ask>(
    limitMs: number,
    ask: A,
    ...args: Parameters<Asks[A]>
  ): Promise<ReturnType<Asks[A]>[]> {
    const answers = await Promise.all(
      Array.from(this.#running.values(), (worker) => this.#ask(worker, limitMs, ask, ...args)),
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
    if (this.#watchdog.isSilent(worker)) return undefined;
    const answered = await this.#within(limitMs, worker.ask(ask, ...args));
    if (answered !== "late") return answered;
    this.#options.log.warn({ worker: worker.worker, ask }, "worker does not answer; continuing without it");
    return undefined;
  }

  async #within<T>(limitMs: number, answer: Promise<T>): Promise<T | "late"> {
    const { clock } = this.#options;
    const { promise: late, resolve } = Promise.withResolvers<"late">();
    const timer = clock.setTimer(limitMs, () => resolve("late"));
    const first = await Promise.race([answer, late]);
    clock.clearTimer(timer);
    return first;
  }
}

/** Of each worker, for how long it has not answered. */
function silence(
  registry: Registry,
  read: () => readonly (readonly [worker: number, silentMs: number])[],
): void {
  new Gauge({
    name: "pagoda_worker_silent_seconds",
    help: "Seconds since a worker last answered the main process; 0 while it does",
    labelNames: ["worker"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [worker, silentMs] of read()) this.set({ worker }, silentMs / 1_000);
    },
  });
}
