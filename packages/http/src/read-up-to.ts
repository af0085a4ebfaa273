import type { Body } from "./body.ts";
import type { BodyFlow } from "./body-flow.ts";
import { concatBytes } from "./bytes.ts";

/** The first bytes of a body. */
export interface Beginning {
  readonly bytes: Uint8Array;
  readonly isCut: boolean;
}

/**
 * Reads at most `maxBytes` of a body and cancels the rest. A body that breaks off counts as cut.
 *
 * @returns `undefined` if the signal was aborted first.
 */
export function readUpTo(
  body: Body,
  maxBytes: number,
  signal: AbortSignal | undefined,
): Promise<Beginning | undefined> {
  if (signal?.aborted) {
    body.cancel(signal.reason);
    return Promise.resolve(undefined);
  }
  if (maxBytes === 0) {
    const isCut = body.length !== 0;
    body.cancel();
    return Promise.resolve({ bytes: new Uint8Array(0), isCut });
  }
  const whole = body.take();
  if (whole !== undefined) {
    const isCut = whole.length > maxBytes;
    return Promise.resolve({ bytes: isCut ? whole.slice(0, maxBytes) : whole, isCut });
  }
  return new Promise((resolve) => {
    const bytes: Uint8Array[] = [];
    let size = 0;
    let isOver = false;
    let flow: BodyFlow | undefined;
    const settle = (beginning: Beginning | undefined): void => {
      isOver = true;
      signal?.removeEventListener("abort", leave);
      resolve(beginning);
    };
    const end = (isCut: boolean): void => {
      if (!isOver) settle({ bytes: concatBytes(bytes), isCut });
    };
    const leave = (): void => {
      settle(undefined);
      flow?.cancel(signal?.reason);
    };
    signal?.addEventListener("abort", leave);
    flow = body.pipe({
      write(chunk) {
        if (isOver) return false;
        const room = maxBytes - size;
        bytes.push(chunk.length > room ? chunk.subarray(0, room) : chunk);
        size += chunk.length;
        if (size <= maxBytes) return true;
        end(true);
        flow?.cancel();
        return false;
      },
      end: () => end(false),
      fail: () => end(true),
    });
    // The limit may be exceeded during `pipe`, before there is a flow to cancel.
    if (isOver) flow.cancel();
  });
}
