import { Body, type BodyBroken, type BodyFlow, type BodySink, type BodyWatcher } from "./body.ts";
import type { HttpHeaders } from "./headers.ts";

/** One reading: how far it is, and whether its sink takes a break. */
interface Reading {
  readonly sink: BodySink;
  at: number;
  blocked: boolean;
}

/** Recorded pieces are at least half as long on average: each costs some hundred bytes, however short it is. */
const smallBytes = 512;

type Outcome = { readonly trailers: HttpHeaders } | { readonly fault: BodyBroken };

/**
 * A body that can be read again, for retries. It is recorded while it streams, so the first reading is not delayed.
 * Past `maxBytes` the record is dropped: the reading under way goes on, but no other can begin.
 *
 * One reading at a time. One that is cancelled does not stop the source but makes it wait: the next begins with what was
 * recorded and goes on with what is still to come, byte for byte. Who will not read it again says so with `release`.
 */
export class ReplayBody extends Body {
  readonly #source: Body;
  readonly #maxBytes: number;
  /** The record; once it is not kept any more, only what the reading under way has not had yet. */
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #keeping = true;
  #outcome: Outcome | undefined;
  #flow: BodyFlow | undefined;
  #started = false;
  #reading: Reading | undefined;

  /** @param maxBytes Bytes recorded at most. Default 65,536, as linkerd has it. */
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

  /** @throws TypeError when `canRead` is false. A reading under way ends without a word to its sink. */
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
        // While it can be read again the source waits for the next reading: going on, it could pass the limit before that
        // one has begun.
        if (!this.#keeping) this.#stop(reason);
      },
    };
  }

  /** No further reading will begin; a reading under way goes on. Without one the source stops. */
  release(reason?: unknown): void {
    this.#keeping = false;
    if (this.#reading === undefined) this.#stop(reason);
    else this.#forget(this.#reading);
  }

  cancel(reason?: unknown): void {
    this.#reading = undefined;
    this.release(reason);
  }

  /** The source knows: what is recorded is not waited for. */
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

  /** Makes one of the last two pieces where both are small and nobody has yet to be given them. */
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

  /** Gives the reading what it has not had yet. `false`: its sink takes a break. */
  #advance(): boolean {
    const reading = this.#reading;
    if (reading === undefined) return false;
    while (reading.at < this.#chunks.length) {
      if (reading.blocked) return false;
      reading.blocked = !reading.sink.write(this.#chunks[reading.at++] as Uint8Array);
      // The sink may have cancelled, or begun another reading, while it took the piece.
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
