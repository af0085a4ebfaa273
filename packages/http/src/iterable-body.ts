import { bodyBroken } from "./body.ts";
import { utf8Bytes } from "./bytes.ts";
import { PushBody } from "./push-body.ts";

type Chunk = Uint8Array | string;

/** What `IterableBody` reads from. A web stream is one on every platform that can iterate over it. */
export type ByteSource = AsyncIterable<Chunk> | Iterable<Chunk> | ReadableStream<Uint8Array>;

/** The part of an iterator that is used. `return` stops the source, even while `next` is pending. */
interface Chunks {
  next(): Promise<IteratorResult<Chunk, unknown>> | IteratorResult<Chunk, unknown>;
  return?(reason: unknown): unknown;
}

/**
 * A body made from an iterable or a web stream. It is not touched before the body is first read, and
 * asked for a chunk only when there is room for one.
 */
export class IterableBody extends PushBody {
  readonly length = undefined;
  readonly #source: ByteSource;
  #chunks: Chunks | undefined;

  constructor(source: ByteSource) {
    super();
    this.#source = source;
  }

  protected override started(): void {
    this.#chunks = chunksOf(this.#source);
    void this.#read(this.#chunks);
  }

  protected goOn(): void {
    void this.#read(this.#chunks as Chunks);
  }

  protected stop(reason: unknown): void {
    void stopped(this.#chunks ?? chunksOf(this.#source), reason);
  }

  async #read(chunks: Chunks): Promise<void> {
    for (;;) {
      let next;
      try {
        next = await chunks.next();
      } catch (error) {
        return this.broken(bodyBroken(error));
      }
      if (next.done === true) return this.finish();
      const { value } = next;
      const chunk = typeof value === "string" ? utf8Bytes(value) : value;
      if (!(chunk instanceof Uint8Array)) {
        this.broken(bodyBroken(new TypeError(`chunks must be strings or Uint8Arrays (got ${typeof chunk})`)));
        return stopped(chunks, undefined);
      }
      if (chunk.length > 0 && !this.push(chunk)) return;
    }
  }
}

function chunksOf(source: ByteSource): Chunks {
  if (Symbol.iterator in source) return source[Symbol.iterator]();
  if (!("getReader" in source)) return source[Symbol.asyncIterator]();
  // Its iterator would wait for a pending read before it cancels.
  const reader = source.getReader();
  return {
    next: () => reader.read() as Promise<IteratorResult<Chunk, unknown>>,
    return: (reason) => reader.cancel(reason),
  };
}

async function stopped(chunks: Chunks, reason: unknown): Promise<void> {
  try {
    await chunks.return?.(reason);
  } catch {
    // Nobody is left to whom a source could report that it failed to stop.
  }
}
