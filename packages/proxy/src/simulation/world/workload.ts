import { type Clock, isLeft, type Random, type Service } from "@pagoda/core";
import { exponentialTime, randomStream } from "@pagoda/core/testing";
import { callNotes, type HttpRequest, type HttpResponse, type Peer } from "@pagoda/http";
import { claimedPeer } from "../../config/claimed-peer.ts";
import type { Load } from "../scenario/schema.ts";

/** How a request ended. */
export interface Ended {
  /** When it was made. */
  readonly atMs: number;
  readonly durationMs: number;
  readonly tries: number;
  readonly status: number;
  /** The tag of the error that the proxy answered itself. */
  readonly fault: string | undefined;
}

type Stack = Service<HttpRequest, HttpResponse>;

/** Makes the requests of one load, each at a random time, whatever became of those before. */
export class Workload {
  inFlight = 0;
  isComplete = false;
  readonly #load: Load;
  readonly #request: HttpRequest;
  readonly #stack: Stack;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #peers: readonly Peer[];
  readonly #ended: (ended: Ended) => void;
  readonly #meanMs: number;
  #untilMs = 0;

  constructor(
    load: Load,
    request: HttpRequest,
    stack: Stack,
    {
      clock,
      random,
      ended,
    }: { readonly clock: Clock; readonly random: Random; readonly ended: (ended: Ended) => void },
  ) {
    this.#load = load;
    this.#request =
      load.claims === undefined ? request : ({ ...request, claims: load.claims } as HttpRequest);
    this.#stack = stack;
    this.#clock = clock;
    this.#random = random;
    this.#ended = ended;
    this.#meanMs = 1_000 / load.rate;
    this.#peers = Array.from({ length: load.clients }, (_, n) => claimedPeer(addressOf(n), load.identity));
  }

  /** Sets the timer of the first request, counted from now. */
  begin(): void {
    const { at, for: lasts } = this.#load;
    this.#untilMs = this.#clock.now() + at + lasts;
    this.#clock.setTimer(at, () => this.#next());
  }

  #next(): void {
    const ms = exponentialTime(this.#random, this.#meanMs);
    if (this.#clock.now() + ms >= this.#untilMs) {
      this.isComplete = true;
      return;
    }
    this.#clock.setTimer(ms, () => {
      this.#send();
      this.#next();
    });
  }

  #send(): void {
    const peer = this.#peers[Math.floor(this.#random() * this.#peers.length)];
    const request: HttpRequest = { ...this.#request, notes: callNotes(), peer };
    const atMs = this.#clock.now();
    this.inFlight++;
    const over = (status: number, fault: string | undefined): void => {
      this.inFlight--;
      this.#ended({ atMs, durationMs: this.#clock.now() - atMs, tries: request.notes.tries, status, fault });
    };
    this.#stack.call(request).then(
      (result) => {
        // The listener answers every error, and its type says so.
        if (isLeft(result)) return over(500, undefined);
        const { status, body, fault } = result.right;
        if (body.take() === undefined) body.cancel();
        over(status, fault?._tag);
      },
      // A bug, which the server answers with 500.
      () => over(500, "Defect"),
    );
  }
}

function addressOf(n: number): string {
  return `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;
}

/** The random numbers of a load: the same whatever the configuration does with its requests. */
export function arrivals(seed: number, at: number): Random {
  return randomStream(seed, `load ${at}`);
}
