import {
  anyReady,
  type Description,
  type Fault,
  isReady,
  type Readiness,
  type Service,
  WaitList,
} from "@pagoda/core";
import { type Either, left } from "fp-ts/lib/Either.js";
import type { Discovery, Endpoint } from "./discovery.ts";
import { roundRobin } from "./round-robin.ts";
import type { Candidate, Strategy } from "./strategy.ts";

/** No endpoint could take the call: there is none, or each refuses for now. */
export interface NoEndpointReady extends Fault<"NoEndpointReady"> {
  /** How many endpoints there are. */
  readonly endpoints: number;
}

export interface BalanceOptions<E extends Endpoint, Req, Res, Err> {
  readonly discovery: Discovery<E>;
  /** The service, or whole stack, that calls one endpoint. Called once for each endpoint that comes. */
  readonly connect: (endpoint: E) => Service<Req, Res, Err>;
  /** Default: round robin. */
  readonly strategy?: Strategy<Req>;
}

/**
 * Sends each call to one of several endpoints. It is as ready as the readiest of them, and asks again right before
 * the call. An endpoint that the discovery does not name any more gets no further call; those under way go on.
 *
 * Use it wherever one of several can answer. It stands innermost, around a stack for each endpoint: what is per
 * endpoint (a circuit breaker, a connection limit) goes into `connect`.
 *
 * Errors: those of the endpoint's stack, and {@link NoEndpointReady} for a call made although it is not ready.
 *
 * Cost per call: about 100 ns and the asking of as many endpoints as the strategy looks at, with round robin one
 * while all are ready. Who waits stands in the queue of each endpoint.
 *
 * Source: Tower's `balance` and `discover`.
 */
export function balance<E extends Endpoint, Req, Res, Err>({
  discovery,
  connect,
  strategy = roundRobin(),
}: BalanceOptions<E, Req, Res, Err>): Service<Req, Res, Err | NoEndpointReady> {
  let members: readonly Member<Req, Res, Err>[] = [];
  let change = new Change();
  /** What a caller waits for: any of the endpoints, or that there are others. */
  let awaited: readonly Readiness[] = [];

  function update(): void {
    const known = new Map(members.map((member) => [member.key, member]));
    members = discovery.endpoints.map(
      (endpoint) => known.get(endpoint.key) ?? new Member(endpoint.key, connect(endpoint)),
    );
    const past = change;
    change = new Change();
    awaited = [...members, change];
    past.happen();
  }
  update();
  discovery.subscribe(update);

  return {
    ready: () => anyReady(awaited),
    call(request, signal) {
      const member = strategy.pick(members, request);
      return member === undefined
        ? Promise.resolve(left(noneReady(members.length)))
        : member.call(request, signal);
    },
    describe: () => ({
      name: "balance",
      options: { strategy: strategy.name },
      inner: members.map((member) => member.describe()),
    }),
  };
}

function noneReady(endpoints: number): NoEndpointReady {
  return { _tag: "NoEndpointReady", origin: "local", retryable: true, endpoints };
}

/**
 * The next change of the endpoints. Who waits then asks anew, in order: they stand in the queues of endpoints that
 * may have gone, and in none of those that have come.
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

/** An endpoint with its service and the calls under way. */
class Member<Req, Res, Err> implements Candidate, Service<Req, Res, Err> {
  readonly key: string;
  readonly #service: Service<Req, Res, Err>;
  pending = 0;

  constructor(key: string, service: Service<Req, Res, Err>) {
    this.key = key;
    this.#service = service;
  }

  isReady(): boolean {
    return isReady(this.#service);
  }

  ready(): undefined | Promise<void> {
    return this.#service.ready();
  }

  call(request: Req, signal?: AbortSignal): Promise<Either<Err, Res>> {
    this.pending++;
    try {
      return this.#service.call(request, signal).then(this.#ended, this.#broken);
    } catch (defect) {
      this.pending--;
      return Promise.reject(defect);
    }
  }

  // Made once for all calls: an async function or a closure for each costs more than the choice of the endpoint.
  readonly #ended = (result: Either<Err, Res>): Either<Err, Res> => {
    this.pending--;
    return result;
  };

  readonly #broken = (defect: unknown): never => {
    this.pending--;
    throw defect;
  };

  describe(): Description {
    return {
      name: "endpoint",
      options: { key: this.key },
      state: { pending: this.pending, ready: this.isReady() },
      inner: [this.#service.describe()],
    };
  }
}
