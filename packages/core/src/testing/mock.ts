import { AssertionError } from "node:assert";
import { type Either, left, right } from "fp-ts/lib/Either.js";
import { aborted, type Aborted } from "../fault.ts";
import { WaitList } from "../readiness.ts";
import { service, type Service } from "../service.ts";
import { settled } from "./settled.ts";

/** One call that reached a mock, to be settled by the test. Settling it again changes nothing. */
export interface MockCall<Req, Res, Err> {
  readonly request: Req;
  readonly signal: AbortSignal | undefined;
  /** Gives the response. */
  answer(response: Res): void;
  /** Gives a typed error. */
  fail(error: Err): void;
  /** Rejects: a defect. */
  reject(defect: unknown): void;
}

/** An inner service that does what the test says, and the handle to say it. */
export interface Mock<Req, Res, Err> {
  readonly service: Service<Req, Res, Err | Aborted>;
  /** Every call so far, in order. */
  readonly calls: readonly MockCall<Req, Res, Err>[];
  /** Calls that have not been settled. */
  readonly inFlight: number;
  /** Calls made while the mock was not ready: a layer that makes one has not asked. */
  readonly uninvited: number;
  /**
   * The next call that `next` has not given yet; throws when none comes although everything has settled.
   * What waits for time must be brought about first, with `clock.advance`.
   */
  next(): Promise<MockCall<Req, Res, Err>>;
  /** Throws when a call has come that `next` has not given. */
  expectNoCall(): Promise<void>;
  /** From now on at most `limit` calls are admitted at once; 0 holds readiness back, Infinity releases it. */
  admit(limit: number): void;
}

/**
 * A scripted service. A call whose signal is aborted gives `Aborted` at once, as every leaf does.
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
      if (next === undefined)
        throw new AssertionError({ message: `${name}: a call was expected, none came` });
      given++;
      return next;
    },
    async expectNoCall() {
      await settled();
      const unexpected = calls.length - given;
      if (unexpected > 0)
        throw new AssertionError({ message: `${name}: no call was expected, ${unexpected} came` });
    },
    admit(next) {
      limit = next;
      waiting.wake();
    },
  };
}
