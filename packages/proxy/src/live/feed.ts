import { type Clock, pause } from "@pagoda/core";
import type { LiveEvents, LiveHistory, LivePoint } from "./snapshot.ts";

/** The parts of a snapshot that are replaced as a whole when they change. */
export type Parts = Omit<LiveEvents, "history" | "point">;

export interface FeedOptions {
  readonly clock: Clock;
  /**
   * Takes a sample.
   *
   * @param isFirst Nobody has watched until now.
   * @param everyMs Milliseconds until the next sample, if this one costs that much.
   * @returns The parts that are known, and the CPU milliseconds that they have cost so far, in all
   *   processes; asked in the same tick, when they have been written.
   */
  readonly sample: (
    isFirst: boolean,
    everyMs: (cpuMs: number) => number,
  ) => Promise<{ readonly parts: Partial<Parts>; readonly cpuMs: () => number }>;
  /** The history up to now. */
  readonly history: () => LiveHistory;
  /** Called with the error when a sample fails after one that has not. */
  readonly failed: (error: unknown) => void;
}

/** The least time between two samples, in milliseconds. */
export const leastEveryMs = 1_000;
/** Share of a core that sampling may take. */
const cpuShare = 0.01;
/** A comment after this time without an event reveals connections that nobody reads any longer. */
const aliveMs = 15_000;
/** How long a browser waits before it connects again, in milliseconds. */
const retryMs = 2_000;

/** Milliseconds until the next sample, after one that has cost this much. */
export function everyMsAfter(cpuMs: number): number {
  return Math.max(leastEveryMs, Math.ceil(cpuMs / cpuShare));
}

const encoder = new TextEncoder();

interface Sent {
  readonly data: string;
  readonly bytes: Uint8Array;
  readonly version: number;
}

/**
 * Takes samples while there are viewers, once for all who do, and gives each viewer the parts that
 * have changed since it last read. A slow viewer skips samples: nothing is kept for it.
 *
 * There are no event ids: a viewer that comes back gets every part at once, like a new one.
 */
export class Feed {
  readonly #options: FeedOptions;
  readonly #parts = new Map<string, Sent>();
  /** Counts samples. */
  #version = 0;
  /** Counts steps of the history. */
  #step = 0;
  #point: Uint8Array | undefined;
  #history: Uint8Array | undefined;
  #viewers = 0;
  #isRunning = false;
  #woken = Promise.withResolvers<void>();
  #stop = new AbortController();

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** How many watch. */
  get viewers(): number {
    return this.#viewers;
  }

  /** Adds a step to the history of those who watch. */
  add(point: LivePoint): void {
    this.#step++;
    this.#history = undefined;
    this.#point = this.#viewers === 0 ? undefined : event("point", JSON.stringify(point));
  }

  /** A stream of server-sent events for a viewer, who counts from the first reading to the return. */
  view(): AsyncIterableIterator<Uint8Array> {
    const gone = Promise.withResolvers<void>();
    let isOver = false;
    let hasBegun = false;
    let version = -1;
    let step: number | undefined;
    const unread = (): Uint8Array[] => {
      const out = Array.from(this.#parts.values()).flatMap((each) =>
        each.version > version ? [each.bytes] : [],
      );
      // Without a sample there is no history yet either.
      if (out.length > 0 && step !== this.#step) {
        out.push(step === this.#step - 1 ? (this.#point as Uint8Array) : this.#wholeHistory());
        step = this.#step;
      }
      version = this.#version;
      return out;
    };
    // Not a generator: one that waits for a sample could return only after it.
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: async () => {
        if (isOver) return { done: true, value: undefined };
        if (!hasBegun) {
          hasBegun = true;
          this.#viewers++;
          if (!this.#isRunning) void this.#run();
          return { done: false, value: encoder.encode(`retry: ${retryMs}\n\n`) };
        }
        let out = unread();
        if (out.length === 0) {
          await Promise.race([this.#woken.promise, gone.promise]);
          if (isOver) return { done: true, value: undefined };
          out = unread();
        }
        return { done: false, value: out.length === 0 ? encoder.encode(":\n\n") : Buffer.concat(out) };
      },
      return: async () => {
        if (hasBegun && !isOver) {
          this.#viewers--;
          if (this.#viewers === 0) this.#stop.abort();
        }
        isOver = true;
        gone.resolve();
        return { done: true, value: undefined };
      },
    };
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    this.#stop = new AbortController();
    // What viewers before have been told may be true no longer.
    this.#parts.clear();
    let hasFailed = false;
    for (let isFirst = true; this.#viewers > 0; isFirst = false) {
      let cpuMs = 0;
      // Rates need two samples, and the first one, of code that has not run yet, is much the dearest.
      const everyMs = isFirst ? () => leastEveryMs : everyMsAfter;
      try {
        const sample = await this.#options.sample(isFirst, everyMs);
        this.#replace(sample.parts);
        cpuMs = sample.cpuMs();
        hasFailed = false;
      } catch (error) {
        if (!hasFailed) this.#options.failed(error);
        hasFailed = true;
      }
      this.#wake();
      await this.#pause(everyMs(cpuMs));
    }
    this.#isRunning = false;
    // One may have come since the last look.
    if (this.#viewers > 0) void this.#run();
  }

  /** Waits until it is time for the next sample, or nobody watches any longer. */
  async #pause(ms: number): Promise<void> {
    const { clock } = this.#options;
    const end = clock.now() + ms;
    for (let left = ms; left > 0 && this.#viewers > 0; left = end - clock.now()) {
      await pause(clock, Math.min(left, aliveMs), this.#stop.signal);
      if (left > aliveMs) this.#wake();
    }
  }

  #replace(parts: Partial<Parts>): void {
    this.#version++;
    for (const [name, value] of Object.entries(parts)) {
      const data = JSON.stringify(value);
      if (this.#parts.get(name)?.data !== data)
        this.#parts.set(name, { data, bytes: event(name, data), version: this.#version });
    }
  }

  #wake(): void {
    this.#woken.resolve();
    this.#woken = Promise.withResolvers();
  }

  #wholeHistory(): Uint8Array {
    return (this.#history ??= event("history", JSON.stringify(this.#options.history())));
  }
}

function event(name: string, data: string): Uint8Array {
  return encoder.encode(`event: ${name}\ndata: ${data}\n\n`);
}
