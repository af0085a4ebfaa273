import { AssertionError } from "node:assert";
import { type Either, left, right } from "../either.ts";
import { aborted, type Aborted } from "../fault.ts";
import { WaitList } from "../wait-list.ts";
import { service, type Service } from "../service.ts";
import { settled } from "./settled.ts";

/** One call that reached a mock, to be settled by the test. Settling it again changes nothing. */
export interface MockCall<Req, Res, Err> {
  readonly request: Req;
  readonly signal: AbortSignal | undefined;
  /** Returns the response. */
  answer(response: Res): void;
  /** Returns a typed error. */
  fail(error: Err): void;
  /** Rejects with a defect. */
  reject(defect: unknown): void;
}

/** A scripted inner service and its controls. */
export interface Mock<Req, Res, Err> {
  readonly service: Service<Req, Res, Err | Aborted>;
  /** Every call so far, in order. */
  readonly calls: readonly MockCall<Req, Res, Err>[];
  /** Calls that have not been settled. */
  readonly inFlight: number;
  /** Number of calls made while the mock was not ready: the layer did not ask for readiness. */
  readonly uninvited: number;
  /**
   * Returns the next call that `next` has not returned yet. Throws when there is none after
   * everything has settled. Calls that wait for a timer need `clock.advance` first.
   */
  next(): Promise<MockCall<Req, Res, Err>>;
  /** Throws when there is a call that `next` has not returned. */
  expectNoCall(): Promise<void>;
  /**
   * Admits at most `limit` concurrent calls from now on: 0 makes the mock not ready, Infinity
   * always ready.
   */
  admit(limit: number): void;
}

/**
 * Makes a scripted service. A call whose signal is aborted returns `Aborted` at once, as with every
 * leaf.
 *
 * @example
 * const mock = mockService<string, number, Refused>();
 * const result = timeout({ ms: 100, clock })(mock.service).call("a");
 * (await mock.next()).answer(1);
 */
export function mockService<Req, Res, Err = never>(name = "mock"): Mock<Req, Res, Err> {
  const calls: MockCall<Req, Res, Err>[] = [];
  let given = 0;
  let inFlight = 0;
  let limit = Infinity;
  let uninvited = 0;
  const waiting = new WaitList(() => inFlight < limit);

  function call(request: Req, signal?: AbortSignal): Promise<Either<Err | Aborted, Res>> {
    if (inFlight >= limit) uninvited++;
    inFlight++;
    const { promise, resolve, reject } = Promise.withResolvers<Either<Err | Aborted, Res>>();
    let open = true;
    const settle = (how: () => void): void => {
      if (!open) return;
      open = false;
      signal?.removeEventListener("abort", onAbort);
      how();
      inFlight--;
      waiting.wake();
    };
    const onAbort = (): void => settle(() => resolve(left(aborted(signal as AbortSignal))));
    calls.push({
      request,
      signal,
      answer: (response) => settle(() => resolve(right(response))),
      fail: (error) => settle(() => resolve(left(error))),
      reject: (defect) => settle(() => reject(defect)),
    });
    if (signal?.aborted) onAbort();
    else signal?.addEventListener("abort", onAbort);
    return promise;
  }

  return {
    service: service(name, call, {
      ready: () => waiting.ready(),
      state: () => ({ inFlight }),
    }),
    calls,
    get inFlight() {
      return inFlight;
    },
    get uninvited() {
      return uninvited;
    },
    async next() {
      await settled();
      const next = calls[given];
      if (next === undefined) throw new AssertionError({ message: `${name}: expected a call, none came` });
      given++;
      return next;
    },
    async expectNoCall() {
      await settled();
      const unexpected = calls.length - given;
      if (unexpected > 0)
        throw new AssertionError({ message: `${name}: expected no call, ${unexpected} came` });
    },
    admit(next) {
      limit = next;
      waiting.wake();
    },
  };
}
