import {
  anyReady,
  deadlineOf,
  type Either,
  type Endpoint,
  isFault,
  isLeft,
  left,
  neverProcessed,
  type Readiness,
  defaultClassifier,
  type Service,
  systemClock,
} from "@pagoda/core";
import { EndpointChange } from "./endpoint-change.ts";
import { endpointHistory } from "./history.ts";
import { Member, type MemberContext } from "./member.ts";
import { type BalanceOptions, checkRanges, defaultResends, type NoEndpointReady } from "./options.ts";
import { roundRobin } from "./strategies/round-robin.ts";
import type { BalancerStatus } from "./status.ts";

/** A description must be cheap; `status()` has all endpoints. */
const maxDescribed = 1_000;

/** A service over several endpoints. */
export interface Balancer<in Req, out Res, out Err> extends Service<Req, Res, Err> {
  /** Returns the status of the balancer, for operators. */
  status(): BalancerStatus;
  /**
   * Removes all endpoints for good; calls in flight continue, and functions passed to `atEnd` run
   * after them.
   */
  close(): void;
}

/**
 * Sends each call to one of several endpoints. It is ready while any of them is, and checks again
 * right before the call. An endpoint that is removed from the discovery gets no more calls; those
 * in flight continue.
 *
 * A call that was never processed (`processed: false` on its fault: connection refused, stream
 * refused) is resent to another endpoint at once, whatever its method, unless the caller has
 * aborted or its deadline has passed. This is not a retry: the endpoint has done nothing, so only
 * `maxResends` and the number of endpoints bound it, not a retry budget. The endpoint's circuit
 * breaker, health and latency count the failure like any other.
 *
 * Use it for a service with several equivalent endpoints. Place it innermost, around one stack per
 * endpoint: layers per endpoint (a circuit breaker, a connection limit) go into `connect`.
 *
 * Errors: those of the endpoint's stack, and {@link NoEndpointReady} for a call made although no
 * endpoint is ready, with the reason of one of them.
 *
 * Cost per call: about 100 ns, plus the strategy's and one readiness check per endpoint that it
 * considers. A strategy that measures, or health sources that learn from calls, cost a
 * classification and two reads of the clock. A waiting caller takes a place in the queue of each
 * endpoint.
 *
 * Source: Tower's `balance` and `discover`; panic and slow start as in Envoy; resending by RFC
 * 9110, 9.2.2 and RFC 9113, 8.7; not counted as a retry, as in gRFC A6 (transparent retries).
 *
 * @throws RangeError when an option is out of range. Also what `connect` throws for an initial
 * endpoint.
 */
export function balance<E extends Endpoint, Req, Res, Err>({
  discovery,
  connect,
  strategy = roundRobin(),
  health = [],
  panicThreshold = 0.5,
  maxResends = defaultResends,
  slowStart,
  history = endpointHistory(),
  clock = systemClock,
  classifier = defaultClassifier(clock),
  observer,
}: BalanceOptions<E, Req, Res, Err>): Balancer<Req, Res, Err | NoEndpointReady> {
  checkRanges(panicThreshold, maxResends, slowStart);
  type Answer = Either<Err | NoEndpointReady, Res>;
  const measures = strategy.load !== undefined;
  let members: readonly Member<E, Req, Res, Err>[] = [];
  /** Keys of endpoints for which `connect` threw. */
  let unconnected: string[] = [];
  /** Endpoints eligible for calls. */
  let usable: readonly Member<E, Req, Res, Err>[] = [];
  let healthy = 0;
  let panicking = false;
  /** Whether the health of endpoints has changed since the last choice. */
  let isStale = false;
  let isStarting = true;
  let isClosed = false;
  /** Index of the endpoint whose reason the last refused call got. */
  let speaker = 0;
  let change = new EndpointChange();
  /** What a caller waits for: any of the endpoints, or a change of them. */
  let awaited: readonly Readiness[] = [];

  const context: MemberContext<E, Req, Res, Err> = {
    strategy,
    health,
    slowStart,
    history,
    classifier,
    clock,
    elsewhere,
    healthChanged: (key, isHealthy) => observer?.healthChanged?.(key, isHealthy),
    changed() {
      // A choice takes a pass over all endpoints, and many of them may change at once.
      if (isStale) return;
      isStale = true;
      queueMicrotask(refresh);
    },
  };

  function join(endpoint: E): readonly Member<E, Req, Res, Err>[] {
    const { key } = endpoint;
    const atEnd: (() => void)[] = [];
    let service: Service<Req, Res, Err>;
    try {
      service = connect(endpoint, (run) => atEnd.push(run));
    } catch (cause) {
      // A bad entry in a list at run time must not stop the program, or keep other endpoints out.
      if (isStarting) throw cause;
      unconnected.push(key);
      observer?.connectFailed?.(key, cause);
      return [];
    }
    observer?.added?.(key);
    const end = (): void => {
      for (const run of atEnd) run();
    };
    const newcomer = new Member(endpoint, service, end, context);
    // Without earlier endpoints, no others could take over their share.
    if (members.length > 0 && newcomer.isNew) newcomer.startSlowly();
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
      observer?.removed?.(key);
    }
  }

  function refresh(): void {
    if (isStale) choose();
  }

  /**
   * Makes the healthy endpoints eligible for calls, or all that are not withdrawn if too few are
   * healthy.
   */
  function choose(): void {
    isStale = false;
    const fit = members.filter((member) => member.healthy);
    healthy = fit.length;
    const panics = healthy < members.length * panicThreshold;
    usable = panics ? members.filter(({ withdrawn }) => !withdrawn) : fit;
    strategy.update(usable);
    if (panics !== panicking) {
      panicking = panics;
      observer?.panicked?.(panics);
    }
    const past = change;
    change = new EndpointChange();
    awaited = [...usable, change];
    past.happen();
  }

  /**
   * Asks an endpoint that is not ready for its own error, which is more specific; a different one
   * each time.
   */
  function refuse(request: Req, signal: AbortSignal | undefined, now: number): Promise<Answer> {
    if (++speaker >= usable.length) speaker = 0;
    const one = usable[speaker];
    // A ready endpoint would take the call, although the strategy did not choose it.
    if (one === undefined || one.isReady()) return Promise.resolve(left(noneReady(request)));
    return one.call(request, signal, now).then((result) => {
      const fault = isLeft(result) ? result.left : undefined;
      return isFault(fault) && fault.origin === "local" && signal?.aborted !== true
        ? left(noneReady(request, one.key, fault._tag))
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
    observer?.resent?.({ from: from.key, to: next.key, fault: error }, request);
    return next.call(request, signal, now, tried);
  }

  function pickBeside(
    tried: readonly Member<E, Req, Res, Err>[],
    request: Req,
    now: number,
  ): Member<E, Req, Res, Err> | undefined {
    refresh();
    // Strategies skip endpoints that are not ready, as these pretend to be for this pick.
    for (const member of tried) member.isTried = true;
    try {
      const next = usable[strategy.pick(request, now)];
      return next?.isTried ? undefined : next;
    } finally {
      for (const member of tried) member.isTried = false;
    }
  }

  function noneReady(request: Req, endpoint?: string, reason?: string): NoEndpointReady {
    const fault: NoEndpointReady = {
      _tag: "NoEndpointReady",
      origin: "local",
      retryable: true,
      endpoints: members.length,
      usable: usable.length,
      endpoint,
      reason,
    };
    observer?.refused?.(fault, request);
    return fault;
  }

  update(discovery.endpoints);
  isStarting = false;
  const unsubscribe = discovery.subscribe(() => {
    if (!isClosed) update(discovery.endpoints);
  });

  return {
    ready() {
      refresh();
      return anyReady(awaited);
    },
    call(request, signal) {
      refresh();
      const now = measures ? clock.now() : 0;
      let member: Member<E, Req, Res, Err> | undefined;
      try {
        member = usable[strategy.pick(request, now)];
      } catch (defect) {
        return Promise.reject(defect);
      }
      return member === undefined ? refuse(request, signal, now) : member.call(request, signal, now);
    },
    status() {
      refresh();
      return { strategy: strategy.name, panicking, endpoints: members.map((member) => member.status()) };
    },
    describe() {
      refresh();
      return {
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
          ...(members.length > maxDescribed && { undescribed: members.length - maxDescribed }),
          ...discovery.state?.(),
        },
        inner: members.slice(0, maxDescribed).map((member) => member.describe()),
      };
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      unsubscribe();
      update([]);
    },
  };
}
