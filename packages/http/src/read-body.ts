import { type Aborted, aborted, type Either, type Fault, left, rangeError, right } from "@pagoda/core";
import type { BodyBroken, BodyFlow, BodySink } from "./body-flow.ts";
import { concatBytes } from "./bytes.ts";

/** The body exceeds the reader's `maxBytes`. */
export interface BodyTooLarge extends Fault<"BodyTooLarge"> {
  readonly maxBytes: number;
}
/** The body is not in the expected format, such as JSON. */
export interface BodyMalformed extends Fault<"BodyMalformed"> {
  readonly reason: string;
}

/** Options for reading a whole body. */
export interface ReadOptions {
  /**
   * Maximum size in bytes: 0 or more, `Infinity` for no limit. The rest of a larger body is not
   * read. Default 1,048,576, as for nginx's `client_max_body_size`. (`fetch` has no limit, so a
   * sender can exhaust the memory.)
   */
  readonly maxBytes?: number;
  /** An abort cancels the body, and reading returns `Aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/** Default `maxBytes` of `bytes`, `text` and `json`. */
export const defaultMaxBytes: number = 1_048_576;

/** Why a body could not be read as a whole. */
export type ReadFault = BodyBroken | BodyTooLarge | Aborted;

/** The parts of a body that reading needs. */
interface Source {
  readonly length: number | undefined;
  take(): Uint8Array | undefined;
  pipe(sink: BodySink): BodyFlow;
  cancel(reason?: unknown): void;
}

/** Reads a whole body. */
export function readBytes(
  body: Source,
  { maxBytes = defaultMaxBytes, signal }: ReadOptions,
): Promise<Either<ReadFault, Uint8Array>> {
  if (!(maxBytes >= 0))
    return Promise.reject(rangeError("body: maxBytes", "a number of at least 0", maxBytes));
  if (signal?.aborted) {
    body.cancel(signal.reason);
    return Promise.resolve(left(aborted(signal)));
  }
  if (body.length !== undefined && body.length > maxBytes) {
    body.cancel();
    return Promise.resolve(left(tooLarge(maxBytes)));
  }
  const whole = body.take();
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
    flow = body.pipe({
      write(chunk) {
        size += chunk.length;
        if (size > maxBytes) {
          refuse(tooLarge(maxBytes));
          return false;
        }
        chunks.push(chunk);
        return true;
      },
      end: () => settle(right(chunks.length === 1 ? (chunks[0] as Uint8Array) : concatBytes(chunks))),
      fail: (fault) => settle(left(fault)),
    });
    // The first chunks may have exceeded the limit before there was a flow to cancel.
    if (refused) flow.cancel();
  });
}

/** Iterates over the chunks of a body. */
export async function* readChunks(body: Source): AsyncGenerator<Uint8Array, void, undefined> {
  const whole = body.take();
  if (whole !== undefined) {
    if (whole.length > 0) yield whole;
    return;
  }
  const chunks: Uint8Array[] = [];
  let over: { readonly fault?: BodyBroken } | undefined;
  let wake: (() => void) | undefined;
  const flow = body.pipe({
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

function tooLarge(maxBytes: number): BodyTooLarge {
  return { _tag: "BodyTooLarge", origin: "local", retryable: false, maxBytes };
}
