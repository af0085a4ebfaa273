import { aborted, type Aborted } from "@pagoda/core";
import { type BodyBroken, HttpHeaders, type HttpRequest, type HttpResponse, PushBody } from "@pagoda/http";
import { type Either, left, right } from "fp-ts/lib/Either.js";
import { brokenBy, faultOf, type TransportFault, uploadBroken } from "./faults.ts";
import type { RequestHead } from "./request-head.ts";
import type { ResponseHead } from "./response-head.ts";

export type Result = Either<TransportFault | Aborted, HttpResponse>;

/** What all calls of one origin have in common. */
export interface Origin {
  readonly upstream: string;
  readonly headersTimeoutMs: number;
}

/** What a call needs of the connection that it goes over. */
export interface Carrier {
  /** The call wants more of its body. */
  resume(): void;
  /** The call ends here, before its time. */
  giveUp(reason: Error): void;
}

/**
 * One request and its response, and the response's body at once: the connection gives it what comes, which goes
 * straight on to whoever reads the body.
 *
 * It goes through these states: waiting for a connection that is being made, sent, answered (the result is settled,
 * the body flows), over. An abort in the first leaves the connection to the next call; an abort in the second closes
 * it, as cancelling the body does in the third.
 */
export class Call extends PushBody {
  readonly request: HttpRequest;
  readonly head: RequestHead;
  length: number | undefined;
  readonly #origin: Origin;
  readonly #signal: AbortSignal | undefined;
  readonly #settle: (result: Result | Promise<never>) => void;
  readonly #over: () => void;
  #connection: Carrier | undefined;
  #settled = false;
  #isOver = false;
  #wantsMore = true;

  /**
   * @param settle Takes the result, or the rejection: once.
   * @param over The call has no connection any more: once.
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
    signal?.addEventListener("abort", this.#onAbort);
  }

  /** The connection that it goes over from now on. */
  goesOver(connection: Carrier): void {
    this.#connection = connection;
  }

  /** There is room for more of the body. */
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
    else if (framing === 0 && !bodilessAlways(this.request.method, status)) this.length = 0;
    const phrase = fieldText.test(statusText) ? statusText : undefined;
    const { upstream } = this.#origin;
    this.#end(
      right({ status, headers, body: this, statusText: phrase, upstream, fault: undefined, version }),
    );
  }

  came(piece: Buffer): void {
    this.#wantsMore = this.push(piece);
  }

  completed(trailers: HttpHeaders): void {
    this.#release();
    this.finish(trailers);
  }

  /** The origin has said all that it says in a tunnel. It may still be spoken to, so the call goes on. */
  heardAll(): void {
    // No break of the reader's keeps the tunnel from being silent any more.
    this.#wantsMore = true;
    this.finish();
  }

  /** There will be no (further) response. `connected`: there was a connection. */
  failed(error: Error | BodyBroken, connected: boolean): void {
    this.#release();
    if (this.#settled) this.broken(brokenBy(error));
    else if ("_tag" in error) this.#end(left(uploadBroken(error)));
    else {
      const canResend = this.request.body.canRead;
      this.#end(left(faultOf(error, { ...this.#origin, connected, canResend })));
    }
  }

  /** What the caller's own functions throw is no failure of the origin's: the call rejects. */
  defect(cause: unknown): void {
    if (!this.#settled) this.#end(Promise.reject(cause));
    this.#giveUp(new Error("the call is defective", { cause }));
  }

  protected goOn(): void {
    this.#wantsMore = true;
    this.#connection?.resume();
  }

  protected stop(reason: unknown): void {
    this.#giveUp(reason instanceof Error ? reason : new Error("the body is not wanted"));
  }

  readonly #onAbort = (): void => {
    this.#end(left(aborted(this.#signal as AbortSignal)));
    this.#giveUp(new Error("the caller has gone"));
  };

  #giveUp(reason: Error): void {
    const connection = this.#connection;
    this.#release();
    connection?.giveUp(reason);
  }

  #end(result: Result | Promise<never>): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#settle(result);
  }

  #release(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#connection = undefined;
    this.#over();
  }
}

/** What a reason phrase may consist of, if it is to be sent on. */
const fieldText = /^[\t -~\u0080-\u00ff]*$/;

function bodilessAlways(method: string, status: number): boolean {
  return method === "HEAD" || status === 204 || status === 304;
}
