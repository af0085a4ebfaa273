import {
  allocateBytes,
  Body,
  type BodyBroken,
  type BodyFlow,
  type BodySink,
  type BodyWatcher,
  type HttpHeaders,
  noFlow,
} from "@pagoda/http";

/** Bytes that a body over the limit may be ahead of its slowest reader. */
const highWaterBytes = 65_536;

/** Called once in all, in the tick in which it happens. */
export interface RecordingEvents {
  /** The body is complete: its bytes, in memory of their own. */
  recorded(bytes: Uint8Array): void;
  /** The body is longer than the limit, or it broke off, or all its readers have left. */
  missed(isTooLong: boolean): void;
}

type Outcome = { readonly trailers: HttpHeaders } | { readonly fault: BodyBroken };

/**
 * Records a body while any number of readers read it, each at its own pace.
 *
 * Up to `maxBytes` the source is read as fast as it can send, and readers can join. A longer body is
 * no longer recorded: from then on the source waits for the slowest reader. When the last reader
 * leaves, the source is cancelled.
 */
export class Recording {
  readonly source: Body;
  readonly #maxBytes: number;
  readonly #events: RecordingEvents;
  readonly #readers = new Set<RecordedBody>();
  /** From the chunk with the number `#first` on. */
  #chunks: Uint8Array[] = [];
  #first = 0;
  #bytes = 0;
  #bytesKept = 0;
  #isRecording = true;
  #whole: Uint8Array | undefined;
  #outcome: Outcome | undefined;
  #hasStarted = false;
  #flow: BodyFlow | undefined;
  #isPaused = false;
  #isStopped = false;

  /** @param maxBytes Maximum size of the recording. */
  constructor(source: Body, maxBytes: number, events: RecordingEvents) {
    this.source = source;
    this.#maxBytes = maxBytes;
    this.#events = events;
  }

  /**
   * Makes a body that begins with the first byte: until `missed` is called. It must be read or
   * cancelled.
   */
  join(): Body {
    const reader = new RecordedBody(this);
    this.#readers.add(reader);
    return reader;
  }

  /** @internal The whole body, once it has been recorded and unless it has trailers. */
  get whole(): Uint8Array | undefined {
    const isPlain =
      this.#outcome !== undefined && "trailers" in this.#outcome && this.#outcome.trailers.size === 0;
    return isPlain ? this.#whole : undefined;
  }

  /** @internal */
  start(): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    const flow = this.source.pipe({
      write: (chunk) => this.#came(chunk),
      end: (trailers) => this.#ended({ trailers }),
      fail: (fault) => this.#ended({ fault }),
    });
    if (this.#outcome !== undefined) return;
    this.#flow = flow;
    if (this.#isStopped) flow.cancel();
  }

  /** @internal The chunk with that number, or how the body ended. */
  at(index: number): Uint8Array | Outcome | undefined {
    return this.#chunks[index - this.#first] ?? this.#outcome;
  }

  /** @internal A reader has moved on. */
  moved(): void {
    if (this.#isRecording) return;
    this.#forget();
    if (!this.#isPaused || this.#bytesKept > highWaterBytes) return;
    this.#isPaused = false;
    this.#flow?.resume();
  }

  /** @internal A reader has finished, or does not want the rest. */
  left(reader: RecordedBody, reason: unknown): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) this.moved();
    else if (this.#outcome === undefined) this.#stop(reason);
  }

  #came(chunk: Uint8Array): boolean {
    if (this.#isStopped) return false;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#bytesKept += chunk.length;
    if (this.#isRecording && this.#bytes > this.#maxBytes) {
      this.#isRecording = false;
      this.#events.missed(true);
    }
    for (const reader of this.#readers) reader.advance();
    if (this.#isRecording) return true;
    this.#forget();
    this.#isPaused = this.#bytesKept > highWaterBytes;
    return !this.#isPaused && !this.#hasStopped;
  }

  /** A reader may have stopped it meanwhile, which the compiler does not expect. */
  get #hasStopped(): boolean {
    return this.#isStopped;
  }

  #ended(outcome: Outcome): void {
    if (this.#isStopped) return;
    this.#outcome = outcome;
    this.#flow = undefined;
    if (this.#isRecording) {
      if ("trailers" in outcome) {
        this.#whole = joined(this.#chunks, this.#bytes);
        this.#events.recorded(this.#whole);
      } else {
        this.#isRecording = false;
        this.#events.missed(false);
      }
    }
    for (const reader of this.#readers) reader.advance();
  }

  #stop(reason: unknown): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#chunks = [];
    if (this.#isRecording) {
      this.#isRecording = false;
      this.#events.missed(false);
    }
    if (this.#hasStarted) this.#flow?.cancel(reason);
    else this.source.cancel(reason);
  }

  /** Drops the chunks that all readers have received. */
  #forget(): void {
    let least = this.#first + this.#chunks.length;
    for (const reader of this.#readers) least = Math.min(least, reader.next);
    for (const chunk of this.#chunks.splice(0, least - this.#first)) this.#bytesKept -= chunk.length;
    this.#first = least;
  }
}

/** One reader's view of a recording. */
class RecordedBody extends Body {
  readonly #recording: Recording;
  /** Number of the next chunk. */
  next = 0;
  #sink: BodySink | undefined;
  #isBlocked = false;
  #isAdvancing = false;
  #isOver = false;

  constructor(recording: Recording) {
    super();
    this.#recording = recording;
  }

  get length(): number | undefined {
    return this.#recording.source.length;
  }

  override get canRead(): boolean {
    return this.#sink === undefined && !this.#isOver;
  }

  override get isWhole(): boolean {
    return this.#recording.whole !== undefined;
  }

  override take(): Uint8Array | undefined {
    const { whole } = this.#recording;
    if (whole === undefined || !this.canRead) return undefined;
    this.#end();
    this.ended(true);
    return whole;
  }

  pipe(sink: BodySink): BodyFlow {
    if (!this.canRead) throw new TypeError("the body has already been read; use ReplayBody to read it again");
    this.#sink = sink;
    this.#recording.start();
    this.advance();
    if (this.#isOver) return noFlow;
    return {
      resume: () => {
        if (!this.#isBlocked) return;
        this.#isBlocked = false;
        this.advance();
      },
      cancel: (reason) => this.cancel(reason),
    };
  }

  cancel(reason?: unknown): void {
    if (this.#isOver) return;
    this.#end(reason);
    this.ended(false);
  }

  /** Watches the source. */
  override watch(watcher: BodyWatcher): void {
    this.#recording.source.watch(watcher);
  }

  /** Passes on what has come. */
  advance(): void {
    const sink = this.#sink;
    if (sink === undefined || this.#isAdvancing) return;
    this.#isAdvancing = true;
    const from = this.next;
    while (!this.#isOver && !this.#isBlocked) {
      const next = this.#recording.at(this.next);
      if (next === undefined) break;
      if (next instanceof Uint8Array) {
        this.next++;
        this.#isBlocked = !sink.write(next);
      } else this.#finish(sink, next);
    }
    this.#isAdvancing = false;
    if (this.next !== from && !this.#isOver) this.#recording.moved();
  }

  #finish(sink: BodySink, outcome: Outcome): void {
    this.#end();
    if ("trailers" in outcome) {
      this.ended(true, outcome.trailers);
      sink.end(outcome.trailers);
    } else {
      this.ended(false, undefined, outcome.fault);
      sink.fail(outcome.fault);
    }
  }

  #end(reason?: unknown): void {
    this.#isOver = true;
    this.#recording.left(this, reason);
  }
}

/** Joins chunks in memory of their own: a slice of a large block would keep all of it alive. */
export function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const all = allocateBytes(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
