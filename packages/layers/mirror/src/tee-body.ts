import {
  allocateBytes,
  Body,
  type BodyBroken,
  type BodyFlow,
  type BodyObserver,
  type BodySink,
  type BodyWatcher,
  HttpHeaders,
} from "@pagoda/http";
import type { SkipReason } from "./options.ts";
import { RecordedBody } from "./recorded-body.ts";

/** Memory and callbacks of a {@link TeeBody}. Either `recorded` or `missed` is called, once. */
export interface Recorder {
  readonly maxBytes: number;
  /** Reserves bytes for copies. Returns false if the limit is reached. */
  hold(bytes: number): boolean;
  /** Releases reserved bytes. */
  free(bytes: number): void;
  /** The body was read completely. The recorder must free the `held` bytes of the copy. */
  recorded(copy: Body, held: number): void;
  /** There will be no copy. */
  missed(reason: SkipReason): void;
}

const nothing = new Uint8Array(0);

/**
 * A body that is copied as it passes to its reader. The copy follows the reader: it triggers no
 * reads and slows nothing down. When the body exceeds `maxBytes` or memory is exhausted, the copy
 * is dropped and the rest just passes.
 *
 * Bytes are copied instead of keeping chunks, because small chunks take a multiple of their size
 * and a chunk may be part of a larger block. So the bytes counted are the bytes held.
 *
 * If the reader gives up and the source can be read again, recording restarts from the first byte.
 */
export class TeeBody extends Body {
  readonly #source: Body;
  readonly #recorder: Recorder;
  #bytes: Uint8Array = nothing;
  #size = 0;
  #reading: Reading | undefined;
  #isOver = false;

  constructor(source: Body, recorder: Recorder) {
    super();
    this.#source = source;
    this.#recorder = recorder;
    source.observe((complete) => {
      if (!complete) this.#miss("incomplete");
    });
  }

  get length(): number | undefined {
    return this.#source.length;
  }

  override get canRead(): boolean {
    return this.#source.canRead;
  }

  override get isWhole(): boolean {
    return this.#source.isWhole;
  }

  pipe(sink: BodySink): BodyFlow {
    if (this.#isOver) return this.#source.pipe(sink);
    this.#drop();
    const reading = new Reading(this, sink);
    this.#reading = reading;
    reading.flow = this.#source.pipe(reading);
    return reading;
  }

  cancel(reason?: unknown): void {
    this.#source.cancel(reason);
  }

  override take(): Uint8Array | undefined {
    const whole = this.#source.take();
    if (whole === undefined || this.#isOver) return whole;
    this.#drop();
    this.#record(whole);
    if (!this.#isOver) this.#whole(HttpHeaders.empty);
    return whole;
  }

  /** Delegates to the source, whose end is the end of this body. */
  override observe(observer: BodyObserver): void {
    this.#source.observe(observer);
  }

  override watch(watcher: BodyWatcher): void {
    this.#source.watch(watcher);
  }

  /** @internal */
  came(reading: Reading, chunk: Uint8Array): void {
    if (this.#reading === reading) this.#record(chunk);
  }

  /** @internal */
  passed(reading: Reading, trailers: HttpHeaders): void {
    if (this.#reading === reading) this.#whole(trailers);
  }

  /** @internal */
  left(reading: Reading): void {
    if (this.#reading === reading) this.#drop();
  }

  #record(chunk: Uint8Array): void {
    const size = this.#size + chunk.length;
    if (size > this.#recorder.maxBytes) return this.#miss("too-long");
    if (size > this.#bytes.length && !this.#grow(size)) return this.#miss("bytes");
    this.#bytes.set(chunk, this.#size);
    this.#size = size;
  }

  /**
   * The first chunk gets exactly its size, since it often is the whole body. From then on the
   * buffer doubles.
   */
  #grow(size: number): boolean {
    const most = Math.min(this.#recorder.maxBytes, this.#source.length ?? Infinity);
    const room = Math.max(size, Math.min(2 * this.#bytes.length, most));
    if (!this.#recorder.hold(room - this.#bytes.length)) return false;
    // Not from Node's pool: a small slice would keep its whole block alive.
    const bytes = allocateBytes(room);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    return true;
  }

  #whole(trailers: HttpHeaders): void {
    this.#isOver = true;
    this.#reading = undefined;
    const bytes = this.#bytes;
    this.#bytes = nothing;
    this.#recorder.recorded(new RecordedBody(bytes.subarray(0, this.#size), trailers), bytes.length);
  }

  #miss(reason: SkipReason): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#drop();
    this.#recorder.missed(reason);
  }

  #drop(): void {
    this.#reading = undefined;
    this.#recorder.free(this.#bytes.length);
    this.#bytes = nothing;
    this.#size = 0;
  }
}

/** One reading of the source, between the source and the reader. */
class Reading implements BodySink, BodyFlow {
  readonly #body: TeeBody;
  readonly #sink: BodySink;
  flow: BodyFlow | undefined;

  constructor(body: TeeBody, sink: BodySink) {
    this.#body = body;
    this.#sink = sink;
  }

  write(chunk: Uint8Array): boolean {
    // Before passing it on: the reader owns the chunk from then on and may modify it.
    this.#body.came(this, chunk);
    return this.#sink.write(chunk);
  }

  end(trailers: HttpHeaders): void {
    try {
      this.#sink.end(trailers);
    } finally {
      this.#body.passed(this, trailers);
    }
  }

  fail(fault: BodyBroken): void {
    // The source also notifies its observers, including the copy.
    this.#sink.fail(fault);
  }

  resume(): void {
    this.flow?.resume();
  }

  cancel(reason?: unknown): void {
    this.#body.left(this);
    this.flow?.cancel(reason);
  }
}
