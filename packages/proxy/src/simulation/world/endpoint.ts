import { type Clock, left, type Random, right, type Timer } from "@pagoda/core";
import { httpResponse, type HttpResponse } from "@pagoda/http";
import type { Effect } from "../scenario/effect.ts";
import type { OriginSettings } from "../scenario/schema.ts";
import { EndpointCall, type Result } from "./endpoint-call.ts";
import { type Condition, conditionOf } from "./condition.ts";
import { latencies } from "./latency.ts";

const ok: HttpResponse = { ...httpResponse(200), version: "1.1" };
const failed: HttpResponse = { ...httpResponse(503), version: "1.1" };

/** What an endpoint has done. */
export interface EndpointCounts {
  /** Calls that reached it. */
  readonly calls: number;
  /** Calls that it works on. */
  readonly working: number;
  readonly queued: number;
}

/**
 * A simulated endpoint. It works on `capacity` calls at once. An abort does not stop it: most servers
 * finish what nobody waits for any more, which is how overload outlasts its cause.
 */
export class SimulatedEndpoint {
  readonly key: string;
  readonly #settings: OriginSettings;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #latency: (random: Random) => number;
  readonly #effects = new Set<Effect>();
  #condition: Condition = conditionOf([]);
  readonly #working = new Map<EndpointCall, Timer | undefined>();
  #queue: EndpointCall[] = [];
  /** Position of the first call in the queue that has not begun. */
  #next = 0;
  #calls = 0;

  constructor(key: string, settings: OriginSettings, clock: Clock, random: Random) {
    this.key = key;
    this.#settings = settings;
    this.#clock = clock;
    this.#random = random;
    this.#latency = latencies(settings.latency);
  }

  get counts(): EndpointCounts {
    return { calls: this.#calls, working: this.#working.size, queued: this.#queue.length - this.#next };
  }

  /** Whether it accepts connections. */
  get accepts(): boolean {
    return !this.#condition.isDown && !this.#condition.refuses;
  }

  /** Whether it has stopped answering. */
  get hangs(): boolean {
    return this.#condition.hangs;
  }

  begin(effect: Effect): void {
    this.#effects.add(effect);
    this.#change();
  }

  end(effect: Effect): void {
    this.#effects.delete(effect);
    this.#change();
  }

  /** @param counts Whether the call is traffic, as opposed to a health check. */
  call(signal?: AbortSignal, counts: boolean = true): Promise<Result> {
    if (!this.accepts)
      return Promise.resolve(
        left({
          _tag: "ConnectFailed",
          origin: "upstream",
          retryable: true,
          processed: false,
          upstream: this.key,
          code: "ECONNREFUSED",
        }),
      );
    if (counts) this.#calls++;
    const call = new EndpointCall(signal);
    if (this.#isFull || this.#condition.hangs) this.#queue.push(call);
    else this.#start(call);
    return call.promise;
  }

  get #isFull(): boolean {
    const { capacity = Infinity, slowdown } = this.#settings;
    return slowdown === "queue" && this.#working.size >= capacity;
  }

  #start(call: EndpointCall): void {
    const { capacity = Infinity } = this.#settings;
    const { slowness, errors } = this.#condition;
    const crowding = Math.max(1, (this.#working.size + 1) / capacity);
    const ms = this.#latency(this.#random) * slowness * crowding;
    const response = this.#random() < errors ? failed : ok;
    this.#working.set(
      call,
      // Quantised, so that sums of times are the same in any order.
      this.#clock.setTimer(Math.max(1, Math.round(ms * 1_000)) / 1_000, () => this.#done(call, response)),
    );
  }

  #done(call: EndpointCall, response: HttpResponse): void {
    if (this.#condition.hangs) {
      call.late = response;
      this.#working.set(call, undefined);
      return;
    }
    this.#working.delete(call);
    call.settle(right(response));
    this.#startQueued();
  }

  #startQueued(): void {
    while (this.#next < this.#queue.length && !this.#isFull && !this.#condition.hangs)
      this.#start(this.#queue[this.#next++] as EndpointCall);
    if (this.#next < 1_024 || this.#next * 2 < this.#queue.length) return;
    this.#queue = this.#queue.slice(this.#next);
    this.#next = 0;
  }

  #change(): void {
    const before = this.#condition;
    this.#condition = conditionOf(this.#effects);
    if (this.#condition.isDown && !before.isDown) this.#breakAll();
    if (before.hangs && !this.#condition.hangs) this.#resume();
  }

  #breakAll(): void {
    const all = [...this.#working.keys(), ...this.#queue.slice(this.#next)];
    for (const timer of this.#working.values()) if (timer !== undefined) this.#clock.clearTimer(timer);
    this.#working.clear();
    this.#queue = [];
    this.#next = 0;
    for (const call of all)
      call.settle(
        left({
          _tag: "ConnectionBroken",
          origin: "upstream",
          retryable: true,
          upstream: this.key,
          code: "ECONNRESET",
        }),
      );
  }

  #resume(): void {
    for (const call of this.#working.keys()) if (call.late !== undefined) this.#done(call, call.late);
    this.#startQueued();
  }
}
