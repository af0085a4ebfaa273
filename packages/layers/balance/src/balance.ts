import { anyReady, type Description, type Fault, isReady, type Service, WaitList } from "@pagoda/core";
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
 * It stands innermost, around a stack for each endpoint: what is per endpoint (a circuit breaker, a connection
 * limit) goes into `connect`.
 *
 * Errors: those of the endpoint's stack, and {@link NoEndpointReady}.
 */
export function balance<E extends Endpoint, Req, Res, Err>({
  discovery,
  connect,
  strategy = roundRobin(),
}: BalanceOptions<E, Req, Res, Err>): Service<Req, Res, Err | NoEndpointReady> {
  let members: readonly Member<Req, Res, Err>[] = [];
  // Whoever finds no endpoint at all waits here until one comes.
  const arrivals = new WaitList(() => members.length > 0);

  function update(): void {
    const known = new Map(members.map((member) => [member.key, member]));
    members = discovery.endpoints.map(
      (endpoint) => known.get(endpoint.key) ?? new Member(endpoint.key, connect(endpoint)),
    );
    arrivals.wake();
  }
  update();
  discovery.subscribe(update);

  return {
    ready: () => (members.length === 0 ? arrivals.ready() : anyReady(members)),
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

  async call(request: Req, signal?: AbortSignal): Promise<Either<Err, Res>> {
    this.pending++;
    try {
      return await this.#service.call(request, signal);
    } finally {
      this.pending--;
    }
  }

  describe(): Description {
    return {
      name: "endpoint",
      options: { key: this.key },
      state: { pending: this.pending, ready: this.isReady() },
      inner: [this.#service.describe()],
    };
  }
}
