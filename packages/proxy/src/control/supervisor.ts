import { type Clock, type Description, type Either, isLeft, left, right, type Timer } from "@pagoda/core";
import type { Logger } from "pino";
import type { Counter, Registry } from "prom-client";
import type { Environment } from "../config/environment.ts";
import type { Loaded } from "../config/load.ts";
import { listenerName } from "../config/names.ts";
import { workerFiles } from "../config/resolved.ts";
import { servable } from "../config/secrets.ts";
import { sourceOf } from "../config/sources.ts";
import { stacksText } from "../policies/registry.ts";
import type { Central } from "../data-plane/central-endpoints.ts";
import type { Listening } from "../data-plane/listening.ts";
import type { LiveWorker } from "../live/snapshot.ts";
import { Backoff } from "./backoff.ts";
import { CentralDiscovery } from "./central-discovery.ts";
import { type CentralSource, CentralSources } from "./central-sources.ts";
import type { ControlPlanes } from "./control-planes.ts";
import type { EjectedEndpoint } from "../data-plane/ejected-endpoints.ts";
import { Ejections } from "./ejections.ts";
import { KnownEndpoints } from "./known-endpoints.ts";
import { type Assignment, type NotApplied, notAppliedText, type WorkerDied } from "./protocol.ts";
import type { Inheritance } from "./replacement.ts";
import { SharedState } from "./shared-state.ts";
import { socketName, Sockets, type SocketsByName, socketsOf } from "./sockets.ts";
import { storeMetrics } from "./store-metrics.ts";
import { Watchdog } from "./watchdog.ts";
import { restarts, silence } from "./worker-metrics.ts";
import { XdsDiscovery } from "./xds-discovery.ts";
import { type WorkerCode, type WorkerEnd, type WorkerEvents, WorkerProcess } from "./worker-process.ts";
import { answerMs, WorkerQueries } from "./worker-queries.ts";
import { within } from "../within.ts";

export interface SupervisorOptions {
  readonly workers: number;
  readonly code: WorkerCode;
  readonly log: Logger;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly env: Environment;
  readonly planes: ControlPlanes;
  /** Sockets of the process that this one replaces. */
  readonly inherited?: SocketsByName | undefined;
  /** What the process that this one replaces has left. */
  readonly inheritance?: Inheritance | undefined;
}

/**
 * Milliseconds that a worker has to apply a configuration. The watchdog detects one that hangs
 * before.
 */
const applyMs = 60_000;

/**
 * Milliseconds that a worker gets to end after its drain, for what Node writes then, such as a
 * profile.
 */
const retireMs = 2_000;

/** A configuration to serve. */
type Served = Pick<Loaded, "config" | "files" | "policies" | "plugins">;

interface Assigned extends Assignment {
  readonly sockets: SocketsByName;
}

/**
 * Runs the worker processes. All do the same and share the ports: the system gives each connection
 * to one of them. A worker that dies loses only its own requests, and is replaced.
 */
export class Supervisor {
  /** Queries of the admin endpoint to the workers. */
  readonly queries: WorkerQueries;
  /** Endpoints that an operator has ejected. */
  readonly ejections: Ejections;
  readonly #options: SupervisorOptions;
  readonly #restarts: Counter<"reason">;
  readonly #running = new Map<number, WorkerProcess>();
  readonly #waiting = new Set<Timer>();
  readonly #shared: SharedState;
  readonly #known = new KnownEndpoints();
  readonly #central: CentralSource;
  readonly #sockets: Sockets;
  readonly #watchdog: Watchdog<WorkerProcess>;
  #assignment: Assigned | undefined;
  #listening: readonly Listening[] = [];
  #isEnding = false;
  /** Configurations are applied, and workers started, one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#shared = new SharedState(options, options.inheritance?.ticketSecret);
    const changed = (central: Central): void => {
      for (const worker of this.#running.values()) worker.sendEndpoints(central);
    };
    this.#central = new CentralSources(
      new CentralDiscovery({ ...options, changed }),
      new XdsDiscovery({ ...options, changed }),
    );
    this.ejections = new Ejections({
      clock: options.clock,
      initial: options.inheritance?.ejected,
      changed: (all) => this.#eject(all),
      ended: ({ cluster, endpoint }) =>
        options.log.info({ cluster, endpoint }, "endpoint returned, since the time of its ejection is over"),
    });
    this.#sockets = new Sockets(options.workers, options.inherited);
    this.#watchdog = new Watchdog({
      clock: options.clock,
      workers: () => this.#running.values(),
      timeoutMs: () => (this.#assignment as Assigned).resolved.config.watchdog.timeout,
      hung: (worker, silentMs) => worker.hangs(`no answer for ${silentMs / 1_000} s`),
    });
    this.queries = new WorkerQueries({
      workers: () => this.#running.values(),
      watchdog: this.#watchdog,
      clock: options.clock,
      log: options.log,
    });
    storeMetrics(options.registry, () => this.#shared.stores.all);
    silence(options.registry, () =>
      Array.from(this.#running.values(), (each) => [each.worker, this.#watchdog.silentMs(each)]),
    );
    this.#restarts = restarts(options.registry);
  }

  /** The stores of limits, for `/stack`. */
  get stores(): readonly Description[] {
    return this.#shared.stores.all.map((store) => ({
      name: "store",
      options: { store: store.name },
      state: store.state(),
    }));
  }

  /** What a process that replaces this one continues with. */
  get inheritance(): Inheritance {
    return { ticketSecret: this.#shared.ticketSecret, ejected: this.ejections.all };
  }

  /** Why no traffic should come here now; undefined if ready. */
  async notReady(): Promise<string | undefined> {
    return this.#central.notReady ?? this.queries.notReady();
  }

  /** Whether it cannot be started again. */
  get hasEnded(): boolean {
    return this.#isEnding;
  }

  /** The running workers, by number. */
  get workers(): readonly Pick<LiveWorker, "worker" | "pid" | "since" | "state" | "silentMs">[] {
    const all = Array.from(this.#running.values(), (one) => ({
      worker: one.worker,
      pid: one.pid ?? 0,
      since: one.startedAt,
      state: this.#watchdog.isSilent(one) ? ("silent" as const) : ("serving" as const),
      silentMs: this.#watchdog.silentMs(one),
    }));
    return all.toSorted((one, other) => one.worker - other.worker);
  }

  /** The sockets on which the workers listen. */
  get sockets(): SocketsByName {
    return this.#sockets.open;
  }

  /** The addresses of the listeners. */
  get listening(): readonly Listening[] {
    return this.#listening;
  }

  /** Starts the workers. `Left`: the configuration could not be served, and no worker runs. */
  async start(served: Served): Promise<Either<NotApplied | WorkerDied, void>> {
    const { workers } = this.#options;
    const sockets = await this.#sockets.prepare(served.config.listeners);
    if (isLeft(sockets)) return sockets;
    this.#sockets.use(sockets.right);
    await this.#central.begin(served);
    await this.#shared.stores.use(served);
    this.#assignment = this.#assign(served, sockets.right);
    this.#watchdog.begin();
    // The first one selects the ports and detects addresses in use.
    const first = await this.#startOne(0);
    if (isLeft(first)) return first;
    const others = Array.from({ length: workers - 1 }, (_, at) => this.#startOne(at + 1));
    const failed = (await Promise.all(others)).find(isLeft);
    if (failed !== undefined) return failed;
    return right(undefined);
  }

  async #startOne(number: number): Promise<Either<NotApplied | WorkerDied, void>> {
    const worker = this.#begin(number);
    const started = await this.#give(worker);
    if (started !== undefined && !isLeft(started)) return started;
    await this.end();
    if (started !== undefined) return started;
    const { cause } = await worker.ended;
    return left({ _tag: "WorkerDied", worker: number, cause });
  }

  /**
   * Applies another configuration in all workers. `Left`: it could not be served, and all keep the
   * previous one.
   */
  apply(served: Served): Promise<Either<NotApplied, void>> {
    return this.#inTurn(async () => {
      const before = this.#assignment as Assigned;
      const sockets = await this.#sockets.prepare(served.config.listeners);
      if (isLeft(sockets)) return sockets;
      await this.#central.begin(served);
      const stores = await this.#shared.stores.use(served);
      this.#assignment = this.#assign(served, sockets.right);
      const done: WorkerProcess[] = [];
      for (const worker of this.#running.values()) {
        const applied = await this.#give(worker);
        if (applied !== undefined && isLeft(applied)) {
          this.#assignment = before;
          stores.revert();
          for (const each of done) await this.#give(each);
          this.#sockets.drop(sockets.right);
          this.#central.keep(before.resolved);
          return applied;
        }
        done.push(worker);
      }
      this.#sockets.use(sockets.right);
      stores.keep();
      this.#shared.keep(served);
      this.#known.keep(served);
      this.#central.keep(served);
      return right(undefined);
    });
  }

  /** @returns How many requests were cut off. */
  async drain(limitMs: number): Promise<number> {
    this.#isEnding = true;
    // Once the workers stop listening, new connections are refused rather than left waiting.
    this.#sockets.close();
    const cutOff = await this.queries.all(limitMs + answerMs, "drain", limitMs);
    const { clock } = this.#options;
    await Promise.all(Array.from(this.#running.values(), (worker) => worker.retire(retireMs, clock)));
    await this.end();
    return cutOff.reduce((sum, each) => sum + each, 0);
  }

  /** Ends all workers at once. */
  async end(): Promise<void> {
    this.#isEnding = true;
    this.#watchdog.close();
    this.#central.close();
    this.ejections.close();
    this.#sockets.close();
    for (const timer of this.#waiting) this.#options.clock.clearTimer(timer);
    await Promise.all(Array.from(this.#running.values(), (worker) => worker.terminate()));
    this.#shared.stores.close();
  }

  /** Unlike a query, also to a worker that is silent now: it may go on later. */
  async #eject(all: readonly EjectedEndpoint[]): Promise<void> {
    const told = Array.from(this.#running.values(), (worker) => worker.request("eject", all));
    await within(answerMs, Promise.all(told), this.#options.clock);
  }

  #assign({ config, files, policies, plugins }: Served, sockets: SocketsByName): Assigned {
    const { workers } = this.#options;
    return {
      sockets,
      resolved: {
        config: { ...servable({ config, files }), workers },
        files: workerFiles({ config, files }, policies),
      },
      plugins,
      stacks: stacksText(policies),
      ticketSecret: this.#shared.ticketSecret,
    };
  }

  /** @returns Undefined if the worker died of it. */
  async #give(worker: WorkerProcess): Promise<Either<NotApplied, void> | undefined> {
    const { sockets, ...assignment } = this.#assignment as Assigned;
    for (const listener of assignment.resolved.config.listeners) {
      const all = sockets.get(socketName(listener)) ?? [];
      for (const socket of socketsOf(worker.worker, this.#options.workers, all))
        worker.give(socket, listenerName(listener));
    }
    for (const central of this.#central.all) worker.sendEndpoints(central);
    void worker.request("eject", this.ejections.all);
    const answered = await within(
      applyMs,
      worker.request("apply", { ...assignment, known: this.#known.all }),
      this.#options.clock,
    );
    if (answered === "late") {
      worker.hangs(`configuration not applied within ${applyMs / 1_000} s`);
      return undefined;
    }
    const applied = answered?.answer;
    if (applied === undefined || isLeft(applied)) return applied;
    worker.keepEndpoints(new Set(Object.values(assignment.resolved.config.clusters).map(sourceOf)));
    this.#watchdog.started(worker);
    this.#listening = applied.right;
    return right(undefined);
  }

  /** Starts a worker, and its replacement whenever it ends. */
  #begin(number: number, backoff: Backoff = new Backoff(this.#options.clock)): WorkerProcess {
    const { code, clock, log } = this.#options;
    const worker = new WorkerProcess(
      code,
      { worker: number, logLevel: log.level },
      this.#events(number),
      clock.wallTime(),
    );
    this.#running.set(number, worker);
    void worker.ended.then((end) => {
      this.#running.delete(number);
      if (this.#isEnding) return;
      void this.queries.died(worker);
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
      lease: async (request, worker) => {
        const reply = await this.#shared.lease(request);
        if (reply !== undefined) worker.send(reply);
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
}
