import type { Clock, Timer } from "@pagoda/core";

/** A watched worker. */
export interface Watched {
  /** Settles when it answers; undefined if it has ended. */
  request(method: "ping"): Promise<unknown>;
}

export interface WatchdogOptions<W extends Watched> {
  readonly clock: Clock;
  readonly workers: () => Iterable<W>;
  /** Milliseconds without an answer after which a worker counts as hung. */
  readonly timeoutMs: () => number;
  /** Called once for each hung worker. */
  readonly hung: (worker: W, silentMs: number) => void;
}

interface Beat {
  isWaiting: boolean;
  hasStarted: boolean;
  isHung: boolean;
  silentMs: number;
}

/** The least time that a starting worker has, since it loads the program. */
const startMs = 60_000;
const leastTickMs = 50;
const mostTickMs = 1_000;

/**
 * Detects hung workers by pinging each of them at every tick.
 *
 * Silence is counted in ticks of its own timer, and a late tick counts as one: when the whole
 * machine, the control group or the main process was paused, no worker is to blame.
 */
export class Watchdog<W extends Watched> {
  readonly #options: WatchdogOptions<W>;
  readonly #beats = new WeakMap<W, Beat>();
  #timer: Timer | undefined;

  constructor(options: WatchdogOptions<W>) {
    this.#options = options;
  }

  begin(): void {
    this.#timer ??= this.#arm();
  }

  close(): void {
    if (this.#timer !== undefined) this.#options.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  /** Marks a worker as serving, which ends the extra time of its start. */
  started(worker: W): void {
    this.#beatOf(worker).hasStarted = true;
  }

  /** Milliseconds for which a serving worker has not answered; 0 if it has. */
  silentMs(worker: W): number {
    const beat = this.#beats.get(worker);
    return beat?.hasStarted === true ? beat.silentMs : 0;
  }

  /** Whether it has been silent for too long to wait for it. */
  isSilent(worker: W): boolean {
    return this.silentMs(worker) >= this.#options.timeoutMs() / 2;
  }

  get #tickMs(): number {
    return Math.min(mostTickMs, Math.max(leastTickMs, this.#options.timeoutMs() / 10));
  }

  #arm(): Timer {
    const tickMs = this.#tickMs;
    return this.#options.clock.setTimer(tickMs, () => {
      for (const worker of this.#options.workers()) this.#look(worker, tickMs);
      this.#timer = this.#arm();
    });
  }

  #beatOf(worker: W): Beat {
    let beat = this.#beats.get(worker);
    if (beat === undefined) {
      beat = { isWaiting: false, hasStarted: false, isHung: false, silentMs: 0 };
      this.#beats.set(worker, beat);
    }
    return beat;
  }

  #look(worker: W, tickMs: number): void {
    const beat = this.#beatOf(worker);
    if (!beat.isWaiting) return this.#ping(worker, beat);
    beat.silentMs += tickMs;
    const timeoutMs = this.#options.timeoutMs();
    if (beat.isHung || beat.silentMs < (beat.hasStarted ? timeoutMs : Math.max(timeoutMs, startMs))) return;
    beat.isHung = true;
    this.#options.hung(worker, beat.silentMs);
  }

  #ping(worker: W, beat: Beat): void {
    beat.isWaiting = true;
    void worker.request("ping").then((answered) => {
      if (answered === undefined) return;
      beat.isWaiting = false;
      beat.hasStarted = true;
      beat.silentMs = 0;
    });
  }
}
