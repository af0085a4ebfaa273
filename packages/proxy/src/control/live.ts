import type { Timer } from "@pagoda/core";
import { publicConfig } from "../config/resolved.ts";
import { logLevels } from "../config/schema/config.ts";
import type { Loaded } from "../config/load.ts";
import { type Counts, countsOf, Deltas, Window } from "../live/counts.ts";
import { Feed, type Parts } from "../live/feed.ts";
import { History, stepMs } from "../live/history.ts";
import { layerRows } from "../live/layer-rows.ts";
import { mergedClusters, mergedLayers } from "../live/merged.ts";
import { ratesOf, rounded } from "../live/rates.ts";
import type { SampleDetail, SampledLayer } from "../live/sample.ts";
import type { LiveFigures, LiveProxy, LiveStack, LiveWorker } from "../live/snapshot.ts";
import { stackOf } from "../live/stack.ts";
import { type AdminParts, notReadyOf } from "./admin-parts.ts";
import { cpuMsSince } from "./cpu-time.ts";
import type { WorkerAnswer } from "./worker-queries.ts";

/** Figures cover this time, in milliseconds: with a shorter one they would jump. */
const windowMs = 10_000;
/** The words of the keys of rows: see `CallRow` and `ErrorRow`. */
const callWords = 4;

/** The counts of all workers since the last reading. */
class Readings {
  bounds: readonly number[] = [];
  readonly #calls = new Deltas();
  readonly #errors = new Deltas();
  #at: number | undefined;

  /** Undefined for the first reading. */
  next(at: number, answers: readonly WorkerAnswer[], running: ReadonlySet<number>) {
    const from = this.#at;
    this.#at = at;
    this.bounds = answers[0]?.sample.bounds ?? this.bounds;
    const rowsOf = (rows: (answer: WorkerAnswer) => readonly Counts[]) =>
      answers.map((each) => ({ pid: each.pid, rows: rows(each) }));
    const calls = this.#calls.next(
      rowsOf(({ sample }) => sample.calls.map((row) => countsOf(row, callWords))),
      running,
    );
    const errors = this.#errors.next(
      rowsOf(({ sample }) => sample.errors.map((row) => countsOf(row, callWords))),
      running,
    );
    if (calls === undefined || errors === undefined || from === undefined) return undefined;
    return { from, to: at, calls, errors };
  }
}

/** What the viewers who are here see; made anew when the first one comes. */
interface Session {
  readonly readings: Readings;
  readonly calls: Window;
  readonly errors: Window;
  /** The CPU time of processes at the last sample. */
  readonly cpuMs: Map<number, { readonly at: number; readonly cpuMs: number }>;
}

/** Samples the running proxy for those who watch it, and remembers the last 15 minutes. */
export class Live {
  readonly feed: Feed;
  readonly #options: AdminParts;
  readonly #startedAt: number;
  readonly #history = new History();
  readonly #past = new Readings();
  #session: Session = newSession();
  #timer: Timer | undefined;
  #stack: { readonly of: Loaded; readonly urls: string; readonly stack: LiveStack } | undefined;

  constructor(options: AdminParts) {
    const { clock, log } = options;
    this.#options = options;
    this.#startedAt = clock.wallTime();
    this.feed = new Feed({
      clock,
      sample: (isFirst, everyMs) => this.#sample(isFirst, everyMs),
      history: () => this.#history.all,
      failed: (err) => log.error({ err }, "defect while sampling for the live page"),
    });
  }

  /** Begins the history. */
  begin(): void {
    this.#timer = this.#options.clock.setTimer(stepMs, () => {
      this.begin();
      this.#step().catch((err: unknown) =>
        this.#options.log.error({ err }, "defect in the history of calls"),
      );
    });
    if (this.#past.bounds.length === 0) void this.#step();
  }

  close(): void {
    if (this.#timer !== undefined) this.#options.clock.clearTimer(this.#timer);
  }

  async #step(): Promise<void> {
    const { clock } = this.#options;
    const { answers, running } = await this.#ask("routes");
    const step = this.#past.next(clock.now(), answers, running);
    if (step === undefined) return;
    const seconds = (step.to - step.from) / 1_000;
    this.feed.add(this.#history.add(clock.wallTime(), seconds, step.calls, this.#past.bounds));
  }

  async #ask(detail: SampleDetail) {
    const { workers, queries } = this.#options.supervisor;
    return { answers: await queries.samples(detail), running: new Set(workers.map(({ pid }) => pid)) };
  }

  async #sample(
    isFirst: boolean,
    everyMs: (cpuMs: number) => number,
  ): Promise<{ parts: Partial<Parts>; cpuMs: () => number }> {
    const { reloads, clock } = this.#options;
    if (isFirst) this.#session = newSession();
    const [notReady, { answers, running }] = await Promise.all([notReadyOf(this.#options), this.#ask("all")]);
    // From here on nothing waits, so that the CPU time of this process is that of the sample.
    const before = process.cpuUsage();
    const at = clock.wallTime();
    const samples = answers.map(({ worker, sample }) => ({ worker, part: sample }));
    const parts: Partial<Parts> = {
      proxy: this.#proxy(notReady),
      stack: this.#stackOf(reloads.served),
      clusters: mergedClusters(samples, at),
      layers: mergedLayers(samples, this.#ownLayers(), at),
      workers: this.#workers(answers),
      reloads: reloads.history.all,
      certificates: reloads.certificates.all,
    };
    const figures = this.#figures(answers, running);
    const cpuMs = (): number => answers.reduce((sum, each) => sum + each.cpuMs, cpuMsSince(before));
    return {
      parts: {
        ...parts,
        // Read when all other parts have been written, so that they tell what this sample costs.
        figures: {
          ...figures,
          get everyMs() {
            return everyMs(cpuMs());
          },
          get sampleMs() {
            return rounded(cpuMs());
          },
        },
      },
      cpuMs,
    };
  }

  #figures(
    answers: readonly WorkerAnswer[],
    running: ReadonlySet<number>,
  ): Omit<LiveFigures, "everyMs" | "sampleMs"> {
    const { clock } = this.#options;
    const { readings, calls, errors } = this.#session;
    const step = readings.next(clock.now(), answers, running);
    if (step !== undefined) {
      calls.add({ ...step, rows: step.calls });
      errors.add({ ...step, rows: step.errors });
    }
    const { seconds } = calls;
    return {
      at: clock.wallTime(),
      ...ratesOf({ seconds, calls: calls.rows, errors: errors.rows, bounds: readings.bounds }),
    };
  }

  #proxy(notReady: string | undefined): LiveProxy {
    const { phase, supervisor, reloads, log, version = null } = this.#options;
    return {
      version,
      pid: process.pid,
      startedAt: this.#startedAt,
      phase: phase(),
      notReady: notReady ?? null,
      unhealthy: supervisor.queries.unhealthy() ?? null,
      logLevel: log.level,
      logLevels,
      warnings: reloads.current.warnings,
      keptRequests: reloads.current.config.recorder.keep,
      actions: { enabled: reloads.served.config.admin.tokenFile !== undefined },
    };
  }

  /** Made anew only when something else is served. */
  #stackOf(served: Loaded): LiveStack {
    const { listening } = this.#options.supervisor;
    const urls = JSON.stringify(listening);
    if (this.#stack?.of !== served || this.#stack.urls !== urls) {
      const { config, policies } = served;
      const byName = new Map(listening.map(({ name, url }) => [name, url]));
      const stack = stackOf(publicConfig(config, policies), policies, byName);
      this.#stack = { of: served, urls, stack };
    }
    return this.#stack.stack;
  }

  /** Stores of limits, and what follows control planes. */
  #ownLayers(): readonly SampledLayer[] {
    const { supervisor, secrets, listeners } = this.#options;
    const all = [...supervisor.stores, ...secrets.describe(), ...listeners.describe()];
    return all.flatMap((each) => Array.from(layerRows(each, {})));
  }

  #workers(answers: readonly WorkerAnswer[]): readonly LiveWorker[] {
    const byPid = new Map(answers.map((each) => [each.pid, each]));
    const { user, system } = process.cpuUsage();
    const main: LiveWorker = {
      worker: null,
      pid: process.pid,
      since: this.#startedAt,
      state: "serving",
      silentMs: 0,
      cpu: this.#cpuOf(process.pid, (user + system) / 1_000),
      memoryBytes: process.memoryUsage.rss(),
      answerMs: null,
      inFlight: null,
    };
    const workers = this.#options.supervisor.workers.map((each): LiveWorker => {
      const answer = byPid.get(each.pid);
      if (answer === undefined)
        return { ...each, cpu: null, memoryBytes: null, answerMs: null, inFlight: null };
      const { sample, afterMs } = answer;
      return {
        ...each,
        cpu: this.#cpuOf(each.pid, sample.processCpuMs),
        memoryBytes: sample.memoryBytes,
        answerMs: Math.round(afterMs),
        inFlight: sample.inFlight,
      };
    });
    return [main, ...workers];
  }

  #cpuOf(pid: number, cpuMs: number): number | null {
    const at = this.#options.clock.now();
    const before = this.#session.cpuMs.get(pid);
    this.#session.cpuMs.set(pid, { at, cpuMs });
    return before === undefined || at <= before.at
      ? null
      : Math.round(((cpuMs - before.cpuMs) / (at - before.at)) * 1_000) / 1_000;
  }
}

function newSession(): Session {
  return {
    readings: new Readings(),
    calls: new Window(windowMs),
    errors: new Window(windowMs),
    cpuMs: new Map(),
  };
}
