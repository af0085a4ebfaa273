import {
  andThen,
  callAll,
  deadlineOf,
  type Either,
  filter,
  fromAsync,
  fromTaskEither,
  mapError,
  mapRequest,
  mapResponse,
  oneshot,
  optional,
  refine,
  right,
  Scope,
  service,
  type Service,
  ServiceBuilder,
  steer,
  thenResult,
  toAsync,
  toTaskEither,
  whenReady,
} from "@pagoda/core";
import { virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";

type Inner = Service<string, string>;
type Call = (inner: Inner, signal: AbortSignal) => Promise<unknown>;

const clock = virtualClock();
const wait = { maxWaitMs: 5, clock };
const calling =
  (wrap: (inner: Inner) => Service<string, unknown, unknown>): Call =>
  (inner, signal) =>
    wrap(inner).call("a", signal);

/** Every way in which core calls one service on behalf of another. */
const ways: Readonly<Record<string, Call>> = {
  andThen: calling(andThen(async (text: string) => right(text))),
  asAdapter: calling(new ServiceBuilder<string>().adapt(mapResponse((text: string) => text)).asAdapter()),
  callAll: async (inner, signal) => callAll(inner, ["a"], { signal, ...wait }).next(),
  filter: calling(filter((text: string) => right(text))),
  fromAsync: calling((inner) => fromAsync("async", toAsync(inner), String)),
  fromTaskEither: calling((inner) => fromTaskEither("task", toTaskEither(inner))),
  mapError: calling(mapError((error) => error)),
  mapRequest: calling(mapRequest((text: string) => text)),
  mapResponse: calling(mapResponse((text: string) => text)),
  oneshot: (inner, signal) => oneshot(inner, "a", signal, wait),
  optional: calling(optional(undefined)),
  refine: calling(refine(async (text: string) => right(text), wait)),
  steer: calling((inner) => steer([inner], () => 0)),
  thenResult: calling(thenResult(async (result: Either<never, string>) => result)),
  toAsync: (inner, signal) => toAsync(inner, wait)("a", signal),
  toTaskEither: (inner, signal) => toTaskEither(inner, wait)("a", signal)(),
  whenReady: (inner, signal) => whenReady(inner, () => inner.call("a", signal), signal) as Promise<unknown>,
};

describe("the caller's deadline reaches inner through", () => {
  test.each(Object.entries(ways))("%s", async (_name, call) => {
    const scope = new Scope(undefined);
    scope.deadline = 10;
    let seen: number | undefined;
    const inner = service("inner", async (text: string, signal) => {
      seen = deadlineOf(signal);
      return right(text);
    });
    await call(inner, scope.signal);
    expect(seen).toBe(10);
  });
});
