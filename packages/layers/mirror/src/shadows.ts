import { isReady, type Json } from "@pagoda/core";
import { type Body, callNotes, type HttpRequest, type HttpResponse } from "@pagoda/http";
import type { MirrorUsage } from "./usage.ts";
import type { MirrorObserver, Settings, SkipReason } from "./options.ts";
import { type Keeper, ShadowCall } from "./shadow-call.ts";

/**
 * The shadow calls of a layer and their limits. Nothing here throws, whatever the shadow or the
 * observer does, since it would surface in the original call.
 */
export class Shadows<Req extends HttpRequest> {
  readonly #settings: Settings<Req>;
  readonly #usage: MirrorUsage;
  readonly #keeper: Keeper;
  readonly #skipped: Record<SkipReason, number> = {
    "not-ready": 0,
    "in-flight": 0,
    "too-long": 0,
    bytes: 0,
    incomplete: 0,
  };
  #sent = 0;
  #answered = 0;
  #failed = 0;
  #timedOut = 0;
  #defects = 0;

  constructor(settings: Settings<Req>) {
    this.#settings = settings;
    this.#usage = settings.usage;
    const { clock, timeoutMs, maxResponseBytes } = settings;
    this.#keeper = {
      clock,
      timeoutMs,
      maxResponseBytes,
      answered: (response, ms) => this.#hasAnswered(response, ms),
      failed: (error, ms, isTimeout) => this.#hasFailed(error, ms, isTimeout),
      over: (held) => {
        this.#usage.inFlight--;
        this.free(held);
      },
    };
  }

  /** Reserves bytes for copies. Returns false if the limit is reached. */
  hold(bytes: number): boolean {
    if (this.#usage.bytes + bytes > this.#settings.maxTotalBytes) return false;
    this.#usage.bytes += bytes;
    return true;
  }

  free(bytes: number): void {
    this.#usage.bytes -= bytes;
  }

  /** Whether a call is selected for mirroring. */
  chooses(request: Req): boolean {
    const { ratio, random, select } = this.#settings;
    // A ratio of 1 draws no random number.
    if (ratio < 1 && random() >= ratio) return false;
    if (select === undefined) return true;
    try {
      return select(request);
    } catch {
      this.#defects++;
      return false;
    }
  }

  skip(reason: SkipReason): void {
    this.#skipped[reason]++;
    this.#notify((observer) => observer.skipped?.(reason));
  }

  /**
   * Sends the shadow of a request if possible now. The `held` bytes of its body are freed when it
   * is over.
   */
  send(request: Req, body: Body, held: number): void {
    const reason = this.#obstacle();
    if (reason !== undefined) {
      this.free(held);
      this.skip(reason);
      return;
    }
    const { to } = this.#settings;
    const shadow = this.#shadowOf(request, body);
    this.#sent++;
    this.#usage.inFlight++;
    this.#notify((observer) => observer.sent?.(shadow));
    new ShadowCall(this.#keeper, held).make(to, shadow);
  }

  state(): { readonly [name: string]: Json } {
    return {
      inFlight: this.#usage.inFlight,
      bytes: this.#usage.bytes,
      sent: this.#sent,
      answered: this.#answered,
      failed: this.#failed,
      timedOut: this.#timedOut,
      skipped: { ...this.#skipped },
      defects: this.#defects,
    };
  }

  #obstacle(): SkipReason | undefined {
    const { to, maxInFlight } = this.#settings;
    if (this.#usage.inFlight >= maxInFlight) return "in-flight";
    try {
      return isReady(to) ? undefined : "not-ready";
    } catch {
      this.#defects++;
      return "not-ready";
    }
  }

  /** Drops what belongs to the original only: its notes and the callback for 1xx responses. */
  #shadowOf(request: Req, body: Body): Req {
    const { marker } = this.#settings;
    // The whole body is available, so there is no point in asking for it to be accepted first.
    const headers = request.headers.delete("expect");
    return {
      ...request,
      headers: marker === false ? headers : headers.set(marker, "true"),
      body,
      notes: callNotes(),
      onInformation: undefined,
    };
  }

  #hasAnswered(response: HttpResponse, ms: number): void {
    this.#answered++;
    this.#notify((observer) => observer.answered?.(response, ms));
  }

  #hasFailed(error: unknown, ms: number, isTimeout: boolean): void {
    this.#failed++;
    if (isTimeout) this.#timedOut++;
    this.#notify((observer) => observer.failed?.(error, ms, isTimeout));
  }

  #notify(event: (observer: MirrorObserver<Req>) => void): void {
    const { observer } = this.#settings;
    if (observer === undefined) return;
    try {
      event(observer);
    } catch {
      this.#defects++;
    }
  }
}
