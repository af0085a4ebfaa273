import { Body, type BodyBroken, type BodyFlow, type BodySink, type BodyWatcher } from "./body.ts";
import type { HttpHeaders } from "./headers.ts";

/** One reading: its position, and whether its sink is paused. */
interface Reading {
  readonly sink: BodySink;
  at: number;
  blocked: boolean;
}

/**
 * Recorded chunks are at least half as long on average, because each costs some hundred bytes
 * regardless of its size.
 */
const smallBytes = 512;

type Outcome = { readonly trailers: HttpHeaders } | { readonly fault: BodyBroken };

/**
 * A body that can be read again, for retries. It is recorded while it streams, so the first reading
 * is not delayed. Beyond `maxBytes` the recording is dropped: the current reading continues, but no
 * other can begin.
 *
 * Only one reading at a time. Cancelling a reading pauses the source rather than stopping it: the
 * next reading replays the recording and continues with the rest, byte for byte. Call `release`
 * when it will not be read again.
 */
export class ReplayBody extends Body {
  readonly #source: Body;
  readonly #maxBytes: number;
  /** The recording or, once it was dropped, only what the current reading has not received yet. */
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #keeping = true;
  #outcome: Outcome | undefined;
  #flow: BodyFlow | undefined;
  #started = false;
  #reading: Reading | undefined;

  /** @param maxBytes Maximum size of the recording. Default 65,536, as in linkerd. */
  constructor(source: Body, maxBytes: number = 65_536) {
    super();
    this.#source = source;
    this.#maxBytes = maxBytes;
  }

  get length(): number | undefined {
    return this.#source.length;
  }

  override get canRead(): boolean {
    return this.#keeping;
  }

  /**
   * @throws TypeError when `canRead` is false. A current reading ends without notice to its sink.
   */
  pipe(sink: BodySink): BodyFlow {
    if (!this.#keeping) {
      throw new TypeError(`the body cannot be read again: over ${this.#maxBytes} bytes, or released`);
    }
    const reading: Reading = { sink, at: 0, blocked: false };
    this.#reading = reading;
    if (this.#bytes > this.#maxBytes) this.#keeping = false;
    if (!this.#started) this.#start();
    else if (this.#advance()) this.#flow?.resume();
    return {
      resume: () => {
        if (this.#reading !== reading || !reading.blocked) return;
        reading.blocked = false;
        if (this.#advance()) this.#flow?.resume();
      },
      cancel: (reason) => {
        if (this.#reading !== reading) return;
        this.#reading = undefined;
        // While the body can be read again, the source waits for the next reading. Otherwise it
        // could exceed the limit before that reading has begun.
        if (!this.#keeping) this.#stop(reason);
      },
    };
  }

  /** Prevents further readings. A current reading continues; without one, the source stops. */
  release(reason?: unknown): void {
    this.#keeping = false;
    if (this.#reading === undefined) this.#stop(reason);
    else this.#forget(this.#reading);
  }

  cancel(reason?: unknown): void {
    this.#reading = undefined;
    this.release(reason);
  }

  /** Watches the source: the recording never has to be waited for. */
  override watch(watcher: BodyWatcher): void {
    this.#source.watch(watcher);
  }

  #start(): void {
    this.#started = true;
    const flow = this.#source.pipe({
      write: (chunk) => {
        this.#chunks.push(chunk);
        this.#bytes += chunk.length;
        if (this.#bytes > this.#maxBytes && this.#reading !== undefined) this.#keeping = false;
        const goOn = this.#advance();
        if (this.#keeping) this.#join();
        if (!this.#keeping && this.#reading === undefined) this.#stop(undefined);
        return goOn;
      },
      end: (trailers) => this.#settle({ trailers }),
      fail: (fault) => this.#settle({ fault }),
    });
    if (this.#outcome === undefined) this.#flow = flow;
    if (!this.#keeping && this.#reading === undefined) this.#stop(undefined);
  }

  /** Joins the last two chunks if both are small and the current reading has received them. */
  #join(): void {
    const reading = this.#reading;
    const chunks = this.#chunks;
    if (chunks.length < 2 || (reading !== undefined && reading.at < chunks.length)) return;
    const [one, other] = chunks.slice(-2) as [Uint8Array, Uint8Array];
    const { length } = one;
    if (length + other.length > smallBytes) return;
    const both = new Uint8Array(length + other.length);
    both.set(one);
    both.set(other, length);
    chunks.splice(-2, 2, both);
    if (reading !== undefined) reading.at = chunks.length;
  }

  #settle(outcome: Outcome): void {
    this.#outcome = outcome;
    this.#flow = undefined;
    this.#advance();
    this.#over(outcome);
  }

  /** Passes on what the reading has not received yet. Returns `false` when its sink is paused. */
  #advance(): boolean {
    const reading = this.#reading;
    if (reading === undefined) return false;
    while (reading.at < this.#chunks.length) {
      if (reading.blocked) return false;
      reading.blocked = !reading.sink.write(this.#chunks[reading.at++] as Uint8Array);
      // The sink may have cancelled, or begun another reading, while it handled the chunk.
      if (this.#reading !== reading) return this.#reading?.blocked !== true;
      if (!this.#keeping) this.#forget(reading);
    }
    const outcome = this.#outcome;
    if (outcome === undefined || reading.blocked) return !reading.blocked;
    this.#reading = undefined;
    if ("trailers" in outcome) reading.sink.end(outcome.trailers);
    else reading.sink.fail(outcome.fault);
    return true;
  }

  #forget(reading: Reading): void {
    this.#chunks.splice(0, reading.at);
    reading.at = 0;
  }

  #stop(reason: unknown): void {
    this.#chunks = [];
    const flow = this.#flow;
    this.#flow = undefined;
    if (this.#outcome === undefined) {
      if (flow !== undefined) flow.cancel(reason);
      else if (!this.#started) this.#source.cancel(reason);
    }
    this.#over(this.#outcome);
  }

  #over(outcome: Outcome | undefined): void {
    if (outcome !== undefined && "trailers" in outcome) this.ended(true, outcome.trailers);
    else this.ended(false);
  }
}
