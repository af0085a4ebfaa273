import type { Outbox } from "./outbox.ts";

/** Receives what happens on a stream. No call follows `closed`. */
export interface StreamHandler {
  /** A piece of the peer's body. Returns `false` to pause until `resume`. */
  data(piece: Buffer): boolean;
  trailers(fields: readonly string[]): void;
  /** The peer's message is complete. */
  completed(): void;
  /** What `write` has kept is sent, and there is room again. */
  drained(): void;
  /**
   * The stream is over: complete, or reset by this side, or broken by an error.
   *
   * @param isProcessed `false` if the peer states that it has not acted on the request.
   */
  closed(error: Error | undefined, isProcessed: boolean): void;
}

/** What a stream needs of its connection. */
export interface StreamOwner<S> {
  readonly outbox: Outbox;
  /** The stream is closed. `isReset`: by this side, so the peer may still send frames. */
  gone(stream: S, isReset: boolean): void;
  /**
   * The peer is about to get an error of a stream.
   *
   * @throws ConnectionError if there were too many.
   */
  faulted(): void;
  /** This many bytes of DATA were taken or dropped. */
  consumed(length: number): void;
}

/** Initial flow-control windows of a stream. */
export interface StreamWindows {
  readonly send: number;
  readonly receive: number;
}
