import {
  anyReady,
  checkInteger,
  checkNumber,
  type Classifier,
  type Clock,
  deadlineOf,
  type Discovery,
  type Endpoint,
  type Fault,
  type HealthSource,
  isFault,
  neverProcessed,
  type Readiness,
  responseClassifier,
  type Service,
  systemClock,
  WaitList,
} from "@pagoda/core";
import { type Either, isLeft, left } from "fp-ts/lib/Either.js";
import { Member, type Terms } from "./member.ts";
import type { SlowStart } from "./slow-start.ts";
import { roundRobin } from "./strategies/round-robin.ts";
import type { BalancerStatus } from "./status.ts";
import type { Strategy } from "./strategy.ts";

/** No endpoint could take the call: there is none, or none is healthy, or each refuses for now. */
export interface NoEndpointReady extends Fault<"NoEndpointReady"> {
  readonly origin: "local";
  readonly retryable: true;
  /** How many endpoints there are. */
  readonly endpoints: number;
  /** How many of them calls go to: the healthy ones, or all in a panic. */
  readonly usable: number;
  /** One of those, in turn, that had a reason of its own to refuse: its key. */
  readonly endpoint?: string | undefined;
  /** That reason, a fault's tag, such as `CircuitOpen`. */
  readonly reason?: string | undefined;
}

/** A call goes to another endpoint. */
export interface Resent {
  /** The key of the endpoint that has not processed it. */
  readonly from: string;
  readonly to: string;
  /** Why not. */
  readonly fault: Fault;
}

/** Told what happens, for metrics and logs. Must not throw. */
export interface BalanceObserver {
  readonly came?: (key: string) => void;
  /** What `connect` threw for an endpoint that has come. It gets no calls, and is tried again at the next change. */
  readonly connectFailed?: (key: string, cause: unknown) => void;
  /** The discovery does not name it any more; calls under way go on. */
  readonly gone?: (key: string) => void;
  readonly healthChanged?: (key: string, healthy: boolean) => void;
  /** Too few are healthy, and from now on health is ignored; or no longer. */
  readonly panicked?: (panic: boolean) => void;
  /** A call that an endpoint never processed goes to another one. */
  readonly resent?: (event: Resent) => void;
  /** A call was refused, since no endpoint could take it. */
  readonly refused?: (fault: NoEndpointReady) => void;
}

export interface BalanceOptions<E extends Endpoint, Req, Res, Err> {
  readonly discovery: Discovery<E>;
  /**
   * The service, or whole stack, that calls one endpoint. Called once for each endpoint that comes. What it gives to
   * `atEnd` runs when the endpoint has gone and its last call has ended, such as the closing of connections.
   */
  readonly connect: (endpoint: E, atEnd: (run: () => void) => void) => Service<Req, Res, Err>;
  /** Default: round robin. */
  readonly strategy?: Strategy<Req>;
  /** An endpoint gets calls while all of these say that it is healthy. Default: none, so all are. */
  readonly health?: readonly HealthSource<E>[];
  /** With a smaller share of healthy endpoints than this, health is ignored, 0 to 1. Default 0.5, Envoy's. */
  readonly panicThreshold?: number;
  /**
   * How often a call that was never processed goes to another endpoint: an integer from 0 to 100. Default 3.
   */
  readonly maxResends?: number;
  /** Default: newcomers get their whole share at once. */
  readonly slowStart?: SlowStart;
  /** What results say, for strategies and health sources that learn from them. Default: `responseClassifier()`. */
  readonly classifier?: Classifier;
  readonly observer?: BalanceObserver;
  readonly clock?: Clock;
}

/** A service over several endpoints. */
export interface Balancer<in Req, out Res, out Err> extends Service<Req, Res, Err> {
  /** How it stands, for operators. */
  status(): BalancerStatus;
  /** From now on there are no endpoints; calls under way go on, and what `connect` gave to `atEnd` runs after them. */
  close(): void;
}

/**
 * Sends each call to one of several endpoints. It is as ready as the readiest of them, and asks again right before
 * the call. An endpoint that the discovery does not name any more gets no further call; those under way go on.
 *
 * A call that was never processed (`processed: false` on its fault: connection refused, stream refused) goes to another
 * endpoint at once, whatever its method, unless the caller has gone or its deadline has passed. This is not a retry: the
 * endpoint has done nothing, so only `maxResends` and the number of endpoints bound it, no budget. The endpoint's breaker,
 * health and latency count the failure like any other.
 *
 * Use it wherever one of several can answer. It stands innermost, around a stack for each endpoint: what is per
 * endpoint (a circuit breaker, a connection limit) goes into `connect`.
 *
 * Errors: those of the endpoint's stack, and {@link NoEndpointReady} for a call made although it is not ready, with the
 * reason of one of the endpoints.
 *
 * Cost per call: about 100 ns, the strategy's, and the asking of as many endpoints as the strategy looks at. A strategy
 * that measures, and health sources that learn from calls, cost a classification and two readings of the clock. Who
 * waits stands in the queue of each endpoint.
 *
 * Source: Tower's `balance` and `discover`; panic and slow start are Envoy's; what may be sent again is RFC 9110, 9.2.2 and
 * RFC 9113, 8.7, and that it is not counted as a retry is gRFC A6 (transparent retries).
 *
 * @throws RangeError when a number is out of range; and what `connect` throws for an endpoint that is there from the
 * beginning.
 */
export function balance<E extends Endpoint, Req, Res, Err>({
  discovery,
  connect,
  strategy = roundRobin(),
  health = [],
  panicThreshold = 0.5,
  maxResends = defaultResends,
  slowStart,
  clock = systemClock,
  classifier = responseClassifier({ clock }),
  observer,
}: BalanceOptions<E, Req, Res, Err>): Balancer<Req, Res, Err | NoEndpointReady> {
  checkRanges(panicThreshold, maxResends, slowStart);
  type Answer = Either<Err | NoEndpointReady, Res>;
  const measures = strategy.load !== undefined;
  let members: readonly Member<E, Req, Res, Err>[] = [];
  /** The keys of those that could not be connected. */
  let unconnected: string[] = [];
  /** Those that calls go to. */
  let usable: readonly Member<E, Req, Res, Err>[] = [];
  let healthy = 0;
  let panicking = false;
  let isStarting = true;
  let isClosed = false;
  /** Whose reason the next call hears that is refused. */
  let speaker = 0;
  let change = new Change();
  /** What a caller waits for: any of the endpoints, or that there are others. */
  let awaited: readonly Readiness[] = [];

  const terms: Terms<E, Req, Res, Err> = {
    strategy,
    health,
    slowStart,
    classifier,
    clock,
    elsewhere,
    healthChanged(key, isHealthy) {
      observer?.healthChanged?.(key, isHealthy);
      choose();
    },
  };

  function join(endpoint: E): readonly Member<E, Req, Res, Err>[] {
    const { key } = endpoint;
    const atEnd: (() => void)[] = [];
    let service: Service<Req, Res, Err>;
    try {
      service = connect(endpoint, (run) => atEnd.push(run));
    } catch (cause) {
      // A mistake in a list that is read while the program runs must not end it, nor keep the others away.
      if (isStarting) throw cause;
      unconnected.push(key);
      observer?.connectFailed?.(key, cause);
      return [];
    }
    observer?.came?.(key);
    const end = (): void => {
      for (const run of atEnd) run();
    };
    const newcomer = new Member(endpoint, service, end, terms);
    // Where there was none before, there is nobody who could take their share meanwhile.
    if (members.length > 0) newcomer.startSlowly();
    return [newcomer];
  }

  function update(endpoints: readonly E[]): void {
    const known = new Map(members.map((member) => [member.key, member]));
    unconnected = [];
    members = endpoints.flatMap((endpoint) => {
      const member = known.get(endpoint.key);
      if (member === undefined) return join(endpoint);
      known.delete(endpoint.key);
      member.update(endpoint);
      return [member];
    });
    choose();
    for (const [key, member] of known) {
      member.leave();
      observer?.gone?.(key);
    }
  }

  /** Calls go to the healthy ones from now on, or to all when those are too few. */
  function choose(): void {
    const fit = members.filter((member) => member.healthy);
    healthy = fit.length;
    const panics = healthy < members.length * panicThreshold;
    usable = panics ? members : fit;
    strategy.update(usable);
    if (panics !== panicking) {
      panicking = panics;
      observer?.panicked?.(panics);
    }
    const past = change;
    change = new Change();
    awaited = [...usable, change];
    past.happen();
  }

  /** What is not ready refuses with an error that says more; asked in turn, they give the picture of all. */
  function refuse(request: Req, signal: AbortSignal | undefined, now: number): Promise<Answer> {
    if (++speaker >= usable.length) speaker = 0;
    const one = usable[speaker];
    // One that is ready takes calls, and the strategy did not want that.
    if (one === undefined || one.isReady()) return Promise.resolve(left(noneReady()));
    return one.call(request, signal, now).then((result) => {
      const fault = isLeft(result) ? result.left : undefined;
      return isFault(fault) && fault.origin === "local" && signal?.aborted !== true
        ? left(noneReady(one.key, fault._tag))
        : result;
    });
  }

  function elsewhere(
    error: Err,
    request: Req,
    signal: AbortSignal | undefined,
    from: Member<E, Req, Res, Err>,
    before: readonly Member<E, Req, Res, Err>[],
  ): Promise<Either<Err, Res>> | undefined {
    if (!isFault(error) || !neverProcessed(error) || error.origin !== "upstream") return undefined;
    if (before.length >= maxResends || signal?.aborted) return undefined;
    const deadline = deadlineOf(signal);
    if (deadline !== undefined && clock.now() >= deadline) return undefined;
    const tried = [...before, from];
    const now = measures ? clock.now() : 0;
    const next = pickBeside(tried, request, now);
    if (next === undefined) return undefined;
    observer?.resent?.({ from: from.key, to: next.key, fault: error });
    return next.call(request, signal, now, tried);
  }

  function pickBeside(
    tried: readonly Member<E, Req, Res, Err>[],
    request: Req,
    now: number,
  ): Member<E, Req, Res, Err> | undefined {
    // Strategies pass over what is not ready, which is what these are for this one pick.
    for (const member of tried) member.isTried = true;
    try {
      const next = usable[strategy.pick(request, now)];
      return next?.isTried ? undefined : next;
    } finally {
      for (const member of tried) member.isTried = false;
    }
  }

  function noneReady(endpoint?: string, reason?: string): NoEndpointReady {
    const fault: NoEndpointReady = {
      _tag: "NoEndpointReady",
      origin: "local",
      retryable: true,
      endpoints: members.length,
      usable: usable.length,
      endpoint,
      reason,
    };
    observer?.refused?.(fault);
    return fault;
  }

  update(discovery.endpoints);
  isStarting = false;
  const unsubscribe = discovery.subscribe(() => {
    if (!isClosed) update(discovery.endpoints);
  });

  return {
    ready: () => anyReady(awaited),
    call(request, signal) {
      const now = measures ? clock.now() : 0;
      let member: Member<E, Req, Res, Err> | undefined;
      try {
        member = usable[strategy.pick(request, now)];
      } catch (defect) {
        return Promise.reject(defect);
      }
      return member === undefined ? refuse(request, signal, now) : member.call(request, signal, now);
    },
    status: () => ({
      strategy: strategy.name,
      panicking,
      endpoints: members.map((member) => member.status()),
    }),
    describe: () => ({
      name: "balance",
      options: {
        strategy: strategy.name,
        ...strategy.options,
        panicThreshold,
        ...(maxResends !== defaultResends && { maxResends }),
        ...(slowStart && { slowStartMs: slowStart.ms }),
      },
      state: {
        endpoints: members.length,
        healthy,
        panicking,
        ...(unconnected.length > 0 && { unconnected: [...unconnected] }),
        ...discovery.state?.(),
      },
      inner: members.map((member) => member.describe()),
    }),
    close() {
      if (isClosed) return;
      isClosed = true;
      unsubscribe();
      update([]);
    },
  };
}

/** Finds an endpoint that is up unless nearly all are down, and then soon gives up. */
const defaultResends = 3;

function checkRanges(panicThreshold: number, maxResends: number, slowStart: SlowStart | undefined): void {
  checkInteger("balance: maxResends", maxResends, { min: 0, max: 100 });
  checkNumber("balance: panicThreshold", panicThreshold, { min: 0, max: 1 });
  if (slowStart === undefined) return;
  const { ms, least = 0.1 } = slowStart;
  checkNumber("balance: slowStart.ms", ms, { above: 0 });
  checkNumber("balance: slowStart.least", least, { above: 0, max: 1 });
}

/**
 * The next change of the endpoints that calls go to. Who waits then asks anew, in order: they stand in the queues of
 * endpoints that may have gone, and in none of those that have come.
 */
class Change implements Readiness {
  #happened = false;
  readonly #waiting = new WaitList(() => this.#happened);

  ready(): undefined | Promise<void> {
    return this.#waiting.ready();
  }

  happen(): void {
    this.#happened = true;
    this.#waiting.wake();
  }
}
