import { type Clock, isLeft, left, Scope, type Timer } from "@pagoda/core";
import type { Probe } from "@pagoda/health";
import type { Endpoints, Origin } from "./origin.ts";
import { ProbeSlots } from "./probe-slots.ts";
import type { Network } from "./system.ts";
import { within } from "../within.ts";

/** An invalid endpoint counts as unreachable and must not end the worker. */
async function reach(
  connects: Probe<Origin>,
  endpoint: Origin,
  signal: AbortSignal,
): ReturnType<Probe<Origin>> {
  try {
    return await connects(endpoint, signal);
  } catch (cause) {
    return left({
      _tag: "ProbeFailed",
      origin: "local",
      retryable: false,
      reason: `${endpoint.key} is not an origin`,
      cause,
    });
  }
}

/** Called when a cluster becomes reachable or unreachable. */
export type ReachabilityObserver = (reachable: boolean, reason: string | undefined) => void;

type Watchable = Pick<Endpoints, "endpoints" | "subscribe" | "started">;

/** The proxy, instead of the endpoints behind it, which may be unreachable from here. */
export function throughProxy(endpoints: Watchable, proxy: string): Watchable {
  const { origin: key } = new URL(proxy);
  return {
    get endpoints() {
      return endpoints.endpoints.length === 0 ? [] : [{ key }];
    },
    subscribe: (changed) => endpoints.subscribe(changed),
    started: endpoints.started,
  };
}

const everyMs = 2_000;
const timeoutMs = 1_000;
/** How long a start waits for the first look, which takes long if many endpoints do not answer. */
const firstLookMs = 2_000;
/** How many endpoints of a cluster are probed at once: a few, and more each time all of them fail. */
const firstBatch = 2;
const maxBatch = 128;

/**
 * How many endpoints of all clusters are probed at once in this process. Each takes a descriptor,
 * and an origin's queue of connections may hold no more than some hundred.
 */
const slots = new ProbeSlots(128);

/**
 * Watches whether any endpoint of a cluster accepts connections, for the proxy's own readiness. It
 * does not steer calls: a call to an endpoint that refuses connections fails anyway. While the last
 * endpoint that answered still does, no other is probed.
 */
export class Reachability {
  /** Settles after the first look, or 2 s. */
  readonly started: Promise<void>;
  readonly #discovery: Watchable;
  readonly #observer: ReachabilityObserver;
  readonly #clock: Clock;
  readonly #connects: Probe<Origin>;
  readonly #stopping = new AbortController();
  readonly #unsubscribe: () => void;
  #any: boolean | undefined;
  #good: Origin | undefined;
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;

  constructor(
    discovery: Watchable,
    { network, clock }: { readonly network: Pick<Network, "connects">; readonly clock: Clock },
    observer: ReachabilityObserver,
  ) {
    this.#discovery = discovery;
    this.#observer = observer;
    this.#clock = clock;
    this.#connects = network.connects;
    this.#unsubscribe = discovery.subscribe(() => void this.#look());
    this.started = discovery.started.then(() => this.#firstLook());
  }

  /** Whether any endpoint is reachable; false before the first success. */
  get any(): boolean {
    return this.#any === true;
  }

  stop(): void {
    this.#unsubscribe();
    this.#stopping.abort();
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
  }

  async #firstLook(): Promise<void> {
    await within(firstLookMs, this.#look(), this.#clock);
  }

  #look(): Promise<void> {
    this.#looking ??= this.#lookAtAll().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  async #lookAtAll(): Promise<void> {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    const { endpoints } = this.#discovery;
    const last = endpoints.find(({ key }) => key === this.#good?.key);
    let reason = last === undefined ? "there are no endpoints" : await this.#probe(last);
    for (let at = 0, batch = firstBatch; reason !== undefined && at < endpoints.length;) {
      if (this.#stopping.signal.aborted) return;
      const answers = await Promise.all(endpoints.slice(at, at + batch).map((each) => this.#probe(each)));
      for (const answer of answers)
        reason = answer === undefined || reason === undefined ? undefined : answer;
      at += batch;
      batch = Math.min(batch * 4, maxBatch);
    }
    if (this.#stopping.signal.aborted) return;
    this.#timer = this.#clock.setTimer(everyMs, () => void this.#look());
    const reachable = reason === undefined;
    if (reachable === this.#any) return;
    this.#any = reachable;
    this.#observer(reachable, reason);
  }

  /** Why the connection failed; undefined if it succeeded. */
  async #probe(endpoint: Origin): Promise<string | undefined> {
    const turn = slots.take();
    if (turn !== undefined) await turn;
    try {
      return await this.#probeNow(endpoint);
    } finally {
      slots.give();
    }
  }

  async #probeNow(endpoint: Origin): Promise<string | undefined> {
    let isLate = false;
    const scope = new Scope(this.#stopping.signal);
    const timer = this.#clock.setTimer(timeoutMs, () => {
      isLate = true;
      scope.abort();
    });
    const result = await reach(this.#connects, endpoint, scope.signal);
    this.#clock.clearTimer(timer);
    scope.end();
    if (!isLeft(result)) {
      this.#good = endpoint;
      return undefined;
    }
    if (isLate) return `no connection within ${timeoutMs} ms`;
    // A local failure says nothing about the endpoint: the previous result stands.
    return result.left.origin === "local" && this.#any === true ? undefined : result.left.reason;
  }
}
