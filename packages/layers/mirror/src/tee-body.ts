import {
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

/** Whom a {@link TeeBody} asks for room, and tells how it ended: one of the two, once. */
export interface Recorder {
  readonly maxBytes: number;
  /** Takes so many bytes of the room for copies; `false`: there is not so much. */
  hold(bytes: number): boolean;
  /** Gives them back. */
  free(bytes: number): void;
  /** The body has been read as a whole. The copy holds so many bytes, which are the recorder's to free. */
  recorded(copy: Body, held: number): void;
  /** There will be no copy. */
  missed(reason: SkipReason): void;
}

const nothing = new Uint8Array(0);

/**
 * A body that is copied as it passes to its reader. The copy follows the reader: nothing is read on its account, and
 * nothing waits for it. When it is over `maxBytes`, or there is no room, it is dropped and the rest just passes.
 *
 * Bytes are copied, not kept as the pieces they came in: many small pieces take a multiple of their bytes, and a piece
 * may be a part of a larger block. So what is held is what is counted.
 *
 * A source that can be read again, after a reading that was given up, is recorded anew from its first byte.
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

  /** The source knows: what is copied has no end of its own. */
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

  /** A first piece gets its own length, since it often is the whole body; then the room doubles. */
  #grow(size: number): boolean {
    const most = Math.min(this.#recorder.maxBytes, this.#source.length ?? Infinity);
    const room = Math.max(size, Math.min(2 * this.#bytes.length, most));
    if (!this.#recorder.hold(room - this.#bytes.length)) return false;
    // Not of Node's pool, whose blocks would stay with the smallest part of them.
    const bytes = Buffer.allocUnsafeSlow(room);
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

/** One reading of the source, between it and the one who reads. */
class Reading implements BodySink, BodyFlow {
  readonly #body: TeeBody;
  readonly #sink: BodySink;
  flow: BodyFlow | undefined;

  constructor(body: TeeBody, sink: BodySink) {
    this.#body = body;
    this.#sink = sink;
  }

  write(chunk: Uint8Array): boolean {
    // Before it is passed on: a piece is the reader's from then on, to do with as it likes.
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
    // The source says so to its observers, too, of whom the copy is one.
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
