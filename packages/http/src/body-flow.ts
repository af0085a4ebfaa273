import type { Fault } from "@pagoda/core";
import type { HttpHeaders } from "./headers.ts";

/** The source ended before the body did: the body is incomplete. */
export interface BodyBroken extends Fault<"BodyBroken"> {}

/** Returns the fault of a source that ended too early. */
export function bodyBroken(cause?: unknown): BodyBroken {
  return { _tag: "BodyBroken", origin: "upstream", retryable: false, cause };
}

/** Receives a body chunk by chunk. */
export interface BodySink {
  /** Receives a chunk. Returns `false` to pause; the sink later calls `resume` on the flow. */
  write(chunk: Uint8Array): boolean;
  /**
   * Like `write`, for a chunk whose memory the source uses again once the call has returned, unless
   * the sink keeps it. Without this method, all chunks are kept.
   */
  writeLent?(chunk: Uint8Array, loan: Loan): boolean;
  /** The body is complete. */
  end(trailers: HttpHeaders): void;
  /** The body broke off. No further call follows. */
  fail(fault: BodyBroken): void;
}

/** The memory of a chunk that its source has lent. */
export interface Loan {
  /** The chunk is needed beyond the call: the source must not use its memory again. */
  keep(): void;
}

/** Controls of a sink over the source of its body. */
export interface BodyFlow {
  /** Continues after the sink has returned `false`. */
  resume(): void;
  /** Stops the source, which frees its resources. Neither `end` nor `fail` follows. */
  cancel(reason?: unknown): void;
}

/**
 * Receives how a body ended: `complete` with its trailers, broken off with a fault, or cancelled.
 */
export type BodyObserver = (complete: boolean, trailers?: HttpHeaders, fault?: BodyBroken) => void;

/** Receives whether a body waits for its source. */
export type BodyWatcher = (waits: boolean) => void;

/** The flow of a body that has ended. */
export const noFlow: BodyFlow = { resume() {}, cancel() {} };
