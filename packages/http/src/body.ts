import { type Either, left, right } from "@pagoda/core";
import {
  type BodyBroken,
  type BodyFlow,
  type BodyObserver,
  type BodySink,
  type BodyWatcher,
  noFlow,
} from "./body-flow.ts";
import { utf8Bytes } from "./bytes.ts";
import { HttpHeaders } from "./headers.ts";
import { type BodyMalformed, readBytes, readChunks, type ReadFault, type ReadOptions } from "./read-body.ts";

export * from "./body-flow.ts";

const brand: unique symbol = Symbol.for("@pagoda/http/Body@1");
const emptyBrand: unique symbol = Symbol.for("@pagoda/http/emptyBody@1");

/** Whether a value is a {@link Body}, including one of another copy of this package. */
export function isBody(value: unknown): value is Body {
  return typeof value === "object" && value !== null && brand in value;
}

/**
 * Whether a message has no body: its body is {@link emptyBody}, of this or another copy of this
 * package.
 */
export function isEmptyBody(body: Body): boolean {
  return body === emptyBody || emptyBrand in body;
}

/**
 * The body of a message: bytes that pass from a source to one sink, with backpressure and without a
 * stream in between. It can be read once; `ReplayBody` can be read again.
 *
 * A layer that does not pass on a response cancels its body. A layer that refuses or answers a
 * request itself may leave the body of the request alone: when the call has ended, the maker of the
 * request discards a body that nobody has read. A layer that has begun to read a body reads all of
 * it or cancels it.
 */
export abstract class Body {
  /** Length in bytes, if known beforehand. */
  abstract readonly length: number | undefined;
  /** Most bodies have one. */
  #observer: BodyObserver | undefined;
  #moreObservers: BodyObserver[] | undefined;
  #ended: boolean | undefined;
  #trailersAtEnd: HttpHeaders | undefined;
  #faultAtEnd: BodyBroken | undefined;

  /** @internal */
  get [brand](): true {
    return true;
  }

  /** Whether the body can be read now, from the first byte. */
  get canRead(): boolean {
    return false;
  }

  /** Whether the whole body has arrived and can no longer break off. */
  get isWhole(): boolean {
    return false;
  }

  /**
   * Starts the flow into a sink. The first chunks, and also `end` or `fail`, may come before `pipe`
   * returns.
   */
  abstract pipe(sink: BodySink): BodyFlow;

  /**
   * Discards the body: the source stops and frees its resources. Safe at any time, and more than
   * once.
   */
  abstract cancel(reason?: unknown): void;

  /**
   * Reads the body as one chunk if it has arrived as a whole and has no trailers. Returns
   * `undefined` if it must be piped. Lets a server send a short body in one write with the head.
   */
  take(): Uint8Array | undefined {
    return undefined;
  }

  /** Reports once how the body ended, at once if it has already ended. */
  observe(observer: BodyObserver): void {
    if (this.#ended !== undefined) observer(this.#ended, this.#trailersAtEnd, this.#faultAtEnd);
    else if (this.#observer === undefined) this.#observer = observer;
    else (this.#moreObservers ??= []).push(observer);
  }

  /**
   * Reports when the body starts and stops waiting for its source, which distinguishes a slow
   * source from a slow reader. A body does not wait after its end or while its reader pauses. The
   * watcher is called at once if the body is already waiting; a body that has arrived as a whole
   * never waits.
   */
  watch(_watcher: BodyWatcher): void {}

  /** For implementations: reports how the body ended. Only the first call counts. */
  protected ended(complete: boolean, trailers?: HttpHeaders, fault?: BodyBroken): void {
    if (this.#ended !== undefined) return;
    this.#ended = complete;
    this.#trailersAtEnd = trailers;
    this.#faultAtEnd = fault;
    const observer = this.#observer;
    if (observer === undefined) return;
    const more = this.#moreObservers;
    this.#observer = undefined;
    this.#moreObservers = undefined;
    observer(complete, trailers, fault);
    if (more !== undefined) for (const another of more) another(complete, trailers, fault);
  }

  /**
   * Reads the whole body. A body over `maxBytes` (default 1 MiB) is refused and its rest not read.
   */
  bytes(options: ReadOptions = {}): Promise<Either<ReadFault, Uint8Array>> {
    return readBytes(this, options);
  }

  /** Reads the whole body as UTF-8. */
  async text(options?: ReadOptions): Promise<Either<ReadFault, string>> {
    const bytes = await this.bytes(options);
    return bytes._tag === "Left" ? bytes : right(new TextDecoder().decode(bytes.right));
  }

  /** Reads the whole body as JSON. Its shape is not validated. */
  async json(options?: ReadOptions): Promise<Either<ReadFault | BodyMalformed, unknown>> {
    const text = await this.text(options);
    if (text._tag === "Left") return text;
    try {
      return right(JSON.parse(text.right) as unknown);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : "not JSON";
      return left({ _tag: "BodyMalformed", origin: "local", retryable: false, reason, cause });
    }
  }

  /**
   * Iterates over the chunks. Throws `BodyBroken` if the body breaks off. Leaving the loop early
   * cancels the body.
   */
  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    return readChunks(this);
  }
}

const nothing = new Uint8Array(0);

class EmptyBody extends Body {
  readonly length = 0;
  readonly [emptyBrand] = true;

  override get canRead(): boolean {
    return true;
  }

  override get isWhole(): boolean {
    return true;
  }

  pipe(sink: BodySink): BodyFlow {
    sink.end(HttpHeaders.empty);
    return noFlow;
  }

  cancel(): void {}

  override take(): Uint8Array {
    return nothing;
  }

  /** Shared by all messages without a body: it has always ended, so it keeps no observers. */
  override observe(observer: BodyObserver): void {
    observer(true);
  }
}

/** The body of a message without one. */
export const emptyBody: Body = new EmptyBody();

class BytesBody extends Body {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    super();
    this.#bytes = bytes;
  }

  get length(): number {
    return this.#bytes.length;
  }

  override get canRead(): boolean {
    return true;
  }

  override get isWhole(): boolean {
    return true;
  }

  pipe(sink: BodySink): BodyFlow {
    sink.write(this.#bytes);
    this.ended(true);
    sink.end(HttpHeaders.empty);
    return noFlow;
  }

  cancel(): void {
    this.ended(false);
  }

  override take(): Uint8Array {
    this.ended(true);
    return this.#bytes;
  }
}

/** Makes a body from bytes, or from text as UTF-8. It can be read any number of times. */
export function bodyOf(content: string | Uint8Array): Body {
  const bytes = typeof content === "string" ? utf8Bytes(content) : content;
  return bytes.length === 0 ? emptyBody : new BytesBody(bytes);
}
