import { aborted, type Aborted, type Fault, rangeError } from "@pagoda/core";
import { type Either, left, right } from "fp-ts/lib/Either.js";
import { HttpHeaders } from "./headers.ts";

/** The source ended before the body did: what has come is not the whole. */
export interface BodyBroken extends Fault<"BodyBroken"> {}
/** The body is longer than its reader allows. */
export interface BodyTooLarge extends Fault<"BodyTooLarge"> {
  readonly maxBytes: number;
}
/** The body is not what its reader expects, for instance not JSON. */
export interface BodyMalformed extends Fault<"BodyMalformed"> {
  readonly reason: string;
}

/** Takes a body, piece by piece. */
export interface BodySink {
  /** One piece. `false`: enough for now; the sink will call `resume` on the flow, later than this answer. */
  write(chunk: Uint8Array): boolean;
  /** All has come. */
  end(trailers: HttpHeaders): void;
  /** The rest will not come. Nothing follows. */
  fail(fault: BodyBroken): void;
}

/** What a sink can say to the source of the body that it takes. */
export interface BodyFlow {
  /** The sink that answered `false` can take more. */
  resume(): void;
  /** The sink wants no more; the source stops and frees what it holds. `end` and `fail` do not follow. */
  cancel(reason?: unknown): void;
}

/** How a body ended: `complete`, with the trailers that came after it, broken by a fault, or cancelled. */
export type BodyObserver = (complete: boolean, trailers?: HttpHeaders, fault?: BodyBroken) => void;

/** Whether a body waits for its source. */
export type BodyWatcher = (waits: boolean) => void;

/** Options for reading a whole body. */
export interface ReadOptions {
  /**
   * Largest body in bytes: 0 or more, `Infinity` for no limit. The rest of a larger one is not read. Default 1,048,576, as
   * nginx's `client_max_body_size`. `fetch` has no limit, so that a sender could fill the memory.
   */
  readonly maxBytes?: number;
  /** Aborting it cancels the body, and reading ends with `Aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/** Bytes that `bytes`, `text` and `json` accept at most if not told otherwise. */
export const defaultMaxBytes: number = 1_048_576;

/** Why a body could not be read as a whole. */
export type ReadFault = BodyBroken | BodyTooLarge | Aborted;

const brand: unique symbol = Symbol.for("@pagoda/http/Body@1");
const emptyBrand: unique symbol = Symbol.for("@pagoda/http/emptyBody@1");

/** Whether a value is a {@link Body}, those of another copy of this package included. */
export function isBody(value: unknown): value is Body {
  return typeof value === "object" && value !== null && brand in value;
}

/** Whether a message has no body: its body is {@link emptyBody}, or that of another copy of this package. */
export function isEmptyBody(body: Body): boolean {
  return body === emptyBody || emptyBrand in body;
}

/**
 * The body of a message: bytes that pass from a source to one sink, with backpressure and with no stream in
 * between. It is read once; `replayable` (in `replay.ts`) makes one that can be read again.
 */
export abstract class Body {
  /** Bytes to come, where that is known beforehand. */
  abstract readonly length: number | undefined;
  #observers: BodyObserver[] | undefined;
  #ended: boolean | undefined;
  #trailersAtEnd: HttpHeaders | undefined;
  #faultAtEnd: BodyBroken | undefined;

  /** @internal */
  get [brand](): true {
    return true;
  }

  /** Whether reading the body now would give all of it, from the first byte. */
  get canRead(): boolean {
    return false;
  }

  /** Whether the whole body has arrived, so that it cannot break any more. */
  get isWhole(): boolean {
    return false;
  }

  /** Starts the flow into a sink. The first pieces may come before `pipe` returns; `end` and `fail` may, too. */
  abstract pipe(sink: BodySink): BodyFlow;

  /** Nobody will read it: the source stops and frees what it holds. Safe at any time, more than once. */
  abstract cancel(reason?: unknown): void;

  /**
   * The body in one piece where it is here as a whole, without trailers; counts as reading it. `undefined`: it
   * must be piped. Lets a server send a short body in one write with the head.
   */
  take(): Uint8Array | undefined {
    return undefined;
  }

  /** Tells when the body has passed to its sink, or has not: once, at once if that has happened already. */
  observe(observer: BodyObserver): void {
    if (this.#ended !== undefined) observer(this.#ended, this.#trailersAtEnd, this.#faultAtEnd);
    else (this.#observers ??= []).push(observer);
  }

  /**
   * Reports when the body starts and stops waiting for its source; it does not wait after its end or while its reader
   * pauses. So a slow source can be told from a slow reader. Called at once if the body is waiting already; a body that
   * has arrived as a whole never waits.
   */
  watch(_watcher: BodyWatcher): void {}

  /** For implementations: the body has passed as a whole, or will not. The first time counts. */
  protected ended(complete: boolean, trailers?: HttpHeaders, fault?: BodyBroken): void {
    if (this.#ended !== undefined) return;
    this.#ended = complete;
    this.#trailersAtEnd = trailers;
    this.#faultAtEnd = fault;
    const observers = this.#observers;
    this.#observers = undefined;
    if (observers !== undefined) for (const observer of observers) observer(complete, trailers, fault);
  }

  /** The whole body; more than `maxBytes` (default 1 MiB) is refused and the rest not read. */
  bytes({ maxBytes = defaultMaxBytes, signal }: ReadOptions = {}): Promise<Either<ReadFault, Uint8Array>> {
    if (!(maxBytes >= 0))
      return Promise.reject(rangeError("body: maxBytes", "a number of at least 0", maxBytes));
    if (signal?.aborted) {
      this.cancel(signal.reason);
      return Promise.resolve(left(aborted(signal)));
    }
    if (this.length !== undefined && this.length > maxBytes) {
      this.cancel();
      return Promise.resolve(left(tooLarge(maxBytes)));
    }
    const whole = this.take();
    if (whole !== undefined) {
      return Promise.resolve(whole.length > maxBytes ? left(tooLarge(maxBytes)) : right(whole));
    }
    return new Promise((resolve) => {
      const chunks: Uint8Array[] = [];
      let size = 0;
      let refused = false;
      let flow: BodyFlow | undefined;
      const settle = (result: Either<ReadFault, Uint8Array>): void => {
        signal?.removeEventListener("abort", onAbort);
        resolve(result);
      };
      const refuse = (fault: ReadFault, reason?: unknown): void => {
        refused = true;
        settle(left(fault));
        flow?.cancel(reason);
      };
      const onAbort = (): void => refuse(aborted(signal as AbortSignal), signal?.reason);
      signal?.addEventListener("abort", onAbort);
      flow = this.pipe({
        write(chunk) {
          size += chunk.length;
          if (size > maxBytes) {
            refuse(tooLarge(maxBytes));
            return false;
          }
          chunks.push(chunk);
          return true;
        },
        end: () => settle(right(chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks))),
        fail: (fault) => settle(left(fault)),
      });
      // The first pieces may have come, and been too many, before there was a flow to cancel.
      if (refused) flow.cancel();
    });
  }

  /** The whole body as UTF-8. */
  async text(options?: ReadOptions): Promise<Either<ReadFault, string>> {
    const bytes = await this.bytes(options);
    return bytes._tag === "Left" ? bytes : right(new TextDecoder().decode(bytes.right));
  }

  /** The whole body as JSON. What it says is for the caller to check. */
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

  /** Piece by piece; throws `BodyBroken` in the middle. Leaving the loop early cancels the body. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const whole = this.take();
    if (whole !== undefined) {
      if (whole.length > 0) yield whole;
      return;
    }
    const chunks: Uint8Array[] = [];
    let over: { readonly fault?: BodyBroken } | undefined;
    let wake: (() => void) | undefined;
    const flow = this.pipe({
      write(chunk) {
        chunks.push(chunk);
        wake?.();
        return false;
      },
      end() {
        over = {};
        wake?.();
      },
      fail(fault) {
        over = { fault };
        wake?.();
      },
    });
    try {
      for (;;) {
        const chunk = chunks.shift();
        if (chunk !== undefined) yield chunk;
        else if (over?.fault !== undefined) throw over.fault;
        else if (over !== undefined) return;
        else {
          const more = new Promise<void>((resolve) => (wake = resolve));
          flow.resume();
          await more;
        }
      }
    } finally {
      if (over === undefined) flow.cancel();
    }
  }
}

/** The fault of a source that ended too early. */
export function bodyBroken(cause?: unknown): BodyBroken {
  return { _tag: "BodyBroken", origin: "upstream", retryable: false, cause };
}

function tooLarge(maxBytes: number): BodyTooLarge {
  return { _tag: "BodyTooLarge", origin: "local", retryable: false, maxBytes };
}

/** A flow that has nothing left to say. */
export const noFlow: BodyFlow = { resume() {}, cancel() {} };

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

  /** Shared by all messages without a body: it has always passed already, and keeps no observers. */
  override observe(observer: BodyObserver): void {
    observer(true);
  }
}

/** The body of a message that has none. */
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

/** A body of bytes at hand, or of a text as UTF-8. It can be read as often as one likes. */
export function bodyOf(content: string | Uint8Array): Body {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  return bytes.length === 0 ? emptyBody : new BytesBody(bytes);
}
