import { isBodiless, isFieldValue } from "@pagoda/http/grammar";
import {
  type Aborted,
  aborted,
  type AbortListener,
  type AbortWatch,
  type Either,
  left,
  right,
  whenAborted,
} from "@pagoda/core";
import {
  type BodyBroken,
  HttpHeaders,
  type HttpRequest,
  type HttpResponse,
  isUnread,
  type Loan,
  PushBody,
  type TransportFault,
} from "@pagoda/http";
import { brokenBy, transportFault, uploadBroken } from "./faults.ts";
import type { RequestHead } from "./request-head.ts";
import type { ResponseHead } from "./response-head.ts";

export type Result = Either<TransportFault | Aborted, HttpResponse>;

/** Shared by all calls to one origin. */
export interface Origin {
  readonly upstream: string;
  readonly headersTimeoutMs: number;
}

/** The connection, as a call uses it. */
export interface Carrier {
  /** Resumes reading the response body. */
  resume(): void;
  /** Aborts the call. */
  giveUp(reason: Error): void;
}

/**
 * One request and its response. It is the response body as well: the connection pushes data into
 * it, which goes straight to the reader.
 *
 * States: waiting for a connection, sent, answered (the result is settled and the body flows),
 * over. An abort while waiting leaves the connection to the next call. An abort after sending
 * closes it, as does cancelling the body.
 */
export class Call extends PushBody implements AbortListener {
  readonly request: HttpRequest;
  readonly head: RequestHead;
  length: number | undefined;
  readonly #origin: Origin;
  readonly #signal: AbortSignal | undefined;
  readonly #watch: AbortWatch | undefined;
  readonly #settle: (result: Result | Promise<never>) => void;
  readonly #over: () => void;
  #connection: Carrier | undefined;
  #settled = false;
  #isOver = false;
  #wantsMore = true;

  /**
   * @param settle Receives the result or rejection, once.
   * @param over Called once the call no longer has a connection.
   */
  constructor(
    origin: Origin,
    request: HttpRequest,
    head: RequestHead,
    signal: AbortSignal | undefined,
    settle: (result: Result | Promise<never>) => void,
    over: () => void,
  ) {
    super();
    this.#origin = origin;
    this.request = request;
    this.head = head;
    this.#signal = signal;
    this.#settle = settle;
    this.#over = over;
    this.#watch = signal && whenAborted(signal, this);
  }

  /** Sets the connection. */
  goesOver(connection: Carrier): void {
    this.#connection = connection;
  }

  /** Whether the reader accepts more of the body. */
  get wantsMore(): boolean {
    return this.#wantsMore;
  }

  get settled(): boolean {
    return this.#settled;
  }

  informed({ status, headers }: ResponseHead): void {
    try {
      this.request.onInformation?.(status, headers);
    } catch (cause) {
      this.defect(cause);
    }
  }

  answered({ status, statusText, headers, framing, version }: ResponseHead, bodiless: boolean): void {
    if (!bodiless && typeof framing === "number") this.length = framing;
    else if (framing === 0 && !isBodiless(this.request.method, status)) this.length = 0;
    const phrase = isFieldValue(statusText) ? statusText : undefined;
    this.#end(right({ status, headers, body: this, statusText: phrase, fault: undefined, version }));
  }

  /** @param loan If the piece is in memory that is used again. */
  came(piece: Buffer, loan?: Loan): void {
    this.#wantsMore = this.push(piece, loan);
  }

  completed(trailers: HttpHeaders): void {
    this.#release();
    this.finish(trailers);
  }

  /**
   * The origin ended its side of a tunnel. The client's side may still be open, so the call
   * continues.
   */
  heardAll(): void {
    // From now on a pause of the reader does not suspend the idle timeout.
    this.#wantsMore = true;
    this.finish();
  }

  /** The call failed before or during the response. `connected`: it had a connection. */
  failed(error: Error | BodyBroken, connected: boolean): void {
    this.#release();
    if (this.#settled) this.broken(brokenBy(error));
    else if ("_tag" in error) this.#end(left(uploadBroken(error)));
    else {
      const canResend = isUnread(this.request);
      this.#end(left(transportFault(error, { ...this.#origin, connected, canResend })));
    }
  }

  /** A callback of the caller threw. This is not the origin's failure, so the call rejects. */
  defect(cause: unknown): void {
    if (!this.#settled) this.#end(Promise.reject(cause));
    this.#giveUp(new Error("defect in a callback of the caller", { cause }));
  }

  protected goOn(): void {
    this.#wantsMore = true;
    this.#connection?.resume();
  }

  protected stop(reason: unknown): void {
    this.#giveUp(reason instanceof Error ? reason : new Error("response body cancelled"));
  }

  onAbort(): void {
    this.#end(left({ ...aborted(this.#signal as AbortSignal), upstream: this.#origin.upstream }));
    this.#giveUp(new Error("caller aborted"));
  }

  #giveUp(reason: Error): void {
    const connection = this.#connection;
    this.#release();
    connection?.giveUp(reason);
  }

  #end(result: Result | Promise<never>): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#watch?.end();
    this.#settle(result);
  }

  #release(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#connection = undefined;
    this.#over();
  }
}
