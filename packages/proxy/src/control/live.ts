import type { Clock } from "@pagoda/core";
import { publicConfig } from "../config/resolved.ts";
import { logLevels } from "../config/schema/config.ts";
import type { Loaded } from "../config/load.ts";
import { Feed, leastEveryMs, type Parts } from "../live/feed.ts";
import type { LiveProxy, LiveStack, LiveWorker } from "../live/snapshot.ts";
import { stackOf } from "../live/stack.ts";
import type { AdminParts } from "./admin-parts.ts";

export interface LiveOptions extends AdminParts {
  readonly notReady: () => Promise<string | undefined>;
}

/** What the live page shows. */
export class Live {
  readonly feed: Feed;
  readonly #options: LiveOptions;
  readonly #startedAt: number;
  #stack: { readonly of: Loaded; readonly urls: string; readonly stack: LiveStack } | undefined;

  constructor(options: LiveOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#startedAt = clock.wallTime();
    this.feed = new Feed({
      clock,
      sample: () => this.#sample(),
      history: () => ({ stepMs: 10_000, end: clock.wallTime(), steps: 90, series: [], left: 0 }),
      failed: (err) => log.error({ err }, "defect while sampling for the live page"),
    });
  }

  async #sample(): Promise<{ parts: Partial<Parts>; cpuMs: number }> {
    const { reloads, clock } = this.#options;
    const parts: Partial<Parts> = {
      proxy: await this.#proxy(),
      stack: this.#stackOf(reloads.served),
      figures: noFigures(clock),
      clusters: [],
      layers: { layers: [], left: 0 },
      workers: this.#workers(),
      reloads: reloads.history.all,
      certificates: reloads.certificates.all,
    };
    return { parts, cpuMs: 0 };
  }

  async #proxy(): Promise<LiveProxy> {
    const { phase, supervisor, reloads, log, version = null } = this.#options;
    return {
      version,
      pid: process.pid,
      startedAt: this.#startedAt,
      phase: phase(),
      notReady: (await this.#options.notReady()) ?? null,
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

  #workers(): readonly LiveWorker[] {
    const unknown = { cpu: null, memoryBytes: null, answerMs: null, inFlight: null };
    return this.#options.supervisor.workers.map((each) => ({ ...each, ...unknown }));
  }
}

function noFigures(clock: Clock) {
  const none = { perSecond: 0, failedPerSecond: 0, refusedPerSecond: 0 };
  const total = { ...none, p50Ms: null, p99Ms: null, p999Ms: null };
  const at = clock.wallTime();
  const lists = { listeners: [], routes: [], clusters: [], endpoints: [], endpointsLeft: 0 };
  return { at, everyMs: leastEveryMs, sampleMs: 0, seconds: 0, slowestMs: 4_096, total, ...lists };
}
