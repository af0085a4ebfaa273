import { isReady, type Json } from "@pagoda/core";
import type { Body, HttpRequest, HttpResponse } from "@pagoda/http";
import type { MirrorRoom } from "./room.ts";
import type { MirrorObserver, Settings, SkipReason } from "./options.ts";
import { type Keeper, ShadowCall } from "./shadow-call.ts";

/**
 * The shadow calls of a layer, and the room for copies of bodies: what bounds both. Nothing here throws, whatever the
 * shadow or the observer does: it would come out in the middle of somebody's call.
 */
export class Shadows<Req extends HttpRequest> {
  readonly #settings: Settings<Req>;
  readonly #room: MirrorRoom;
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
    this.#room = settings.room;
    const { clock, timeoutMs, maxResponseBytes } = settings;
    this.#keeper = {
      clock,
      timeoutMs,
      maxResponseBytes,
      answered: (response, ms) => this.#hasAnswered(response, ms),
      failed: (error, ms, isTimeout) => this.#hasFailed(error, ms, isTimeout),
      over: (held) => {
        this.#room.inFlight--;
        this.free(held);
      },
    };
  }

  /** Takes so many bytes of the room; `false`: there is not so much. */
  hold(bytes: number): boolean {
    if (this.#room.bytes + bytes > this.#settings.maxTotalBytes) return false;
    this.#room.bytes += bytes;
    return true;
  }

  free(bytes: number): void {
    this.#room.bytes -= bytes;
  }

  /** Whether a call is one of those that are mirrored. */
  chooses(request: Req): boolean {
    const { ratio, random, select } = this.#settings;
    // No number is drawn where there is no choice.
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
    this.#tell((observer) => observer.skipped?.(reason));
  }

  /** Sends the shadow of a request, if it can go now. `held` bytes of its body are freed when it is over. */
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
    this.#room.inFlight++;
    this.#tell((observer) => observer.sent?.(shadow));
    new ShadowCall(this.#keeper, held).make(to, shadow);
  }

  state(): { readonly [name: string]: Json } {
    return {
      inFlight: this.#room.inFlight,
      bytes: this.#room.bytes,
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
    if (this.#room.inFlight >= maxInFlight) return "in-flight";
    try {
      return isReady(to) ? undefined : "not-ready";
    } catch {
      this.#defects++;
      return "not-ready";
    }
  }

  /** What is said of the original (its notes, what comes before its response) must not be said of its shadow. */
  #shadowOf(request: Req, body: Body): Req {
    const { marker } = this.#settings;
    // Its body is here as a whole: nobody need be asked whether it is wanted.
    const headers = request.headers.delete("expect");
    return {
      ...request,
      headers: marker === false ? headers : headers.set(marker, "true"),
      body,
      notes: undefined,
      onInformation: undefined,
    };
  }

  #hasAnswered(response: HttpResponse, ms: number): void {
    this.#answered++;
    this.#tell((observer) => observer.answered?.(response, ms));
  }

  #hasFailed(error: unknown, ms: number, isTimeout: boolean): void {
    this.#failed++;
    if (isTimeout) this.#timedOut++;
    this.#tell((observer) => observer.failed?.(error, ms, isTimeout));
  }

  #tell(event: (observer: MirrorObserver<Req>) => void): void {
    const { observer } = this.#settings;
    if (observer === undefined) return;
    try {
      event(observer);
    } catch {
      this.#defects++;
    }
  }
}
