import {
  type Aborted,
  aborted,
  abortError,
  type Fault,
  faultOf,
  hasTag,
  isFault,
  left,
  right,
  timeoutError,
} from "@pagoda/core";
import { mapLeft } from "fp-ts/lib/Either.js";
import { describe, expect, expectTypeOf, test } from "vitest";

interface Refused extends Fault<"Refused"> {
  readonly afterMs: number;
}
const refused: Refused = { _tag: "Refused", origin: "local", retryable: true, afterMs: 5 };

describe("isFault", () => {
  test("accepts a value with a tag, an origin and retryable", () => {
    expect(isFault(refused)).toBe(true);
    expect(isFault({ ...refused, origin: "upstream", cause: new Error("behind it") })).toBe(true);
  });

  test.each([
    ["nothing", undefined],
    ["null", null],
    ["a string", "Refused"],
    ["an Error", new Error("Refused")],
    ["one without a tag", { origin: "local", retryable: true }],
    ["a tag that is not a string", { ...refused, _tag: 1 }],
    ["an origin unheard of", { ...refused, origin: "elsewhere" }],
    ["one without retryable", { _tag: "Refused", origin: "local" }],
    ["an Either around one", left(refused)],
  ])("refuses %s", (_what, value) => {
    expect(isFault(value)).toBe(false);
  });
});

describe("hasTag", () => {
  test("distinguishes tags", () => {
    expect(hasTag("Refused")(refused)).toBe(true);
    expect(hasTag("Aborted")(refused)).toBe(false);
  });

  test("ignores the tag of a value that is not a fault, such as a Left", () => {
    expect(hasTag("Left")(left("a"))).toBe(false);
  });

  test("narrows a union to the fault of that tag", () => {
    const error = refused as Refused | Aborted;
    const isRefused = hasTag("Refused");
    expectTypeOf(isRefused<typeof error>).guards.toEqualTypeOf<Refused>();
    expect(mapLeft((each: Refused | Aborted) => (isRefused(each) ? each.afterMs : 0))(left(error))).toEqual(
      left(5),
    );
    expect(mapLeft(isRefused)(right("untouched"))).toEqual(right("untouched"));
  });
});

describe("aborted", () => {
  test("is local, not retryable, and has the signal's reason as cause", () => {
    expect(aborted(AbortSignal.abort("the client left"))).toEqual({
      _tag: "Aborted",
      origin: "local",
      retryable: false,
      cause: "the client left",
    });
  });
});

describe("abort reasons", () => {
  const fault = { _tag: "TimedOut", origin: "upstream", retryable: true } as const;

  test.each([
    [timeoutError, "TimeoutError"],
    [abortError, "AbortError"],
  ])("%o makes the platform's error with the fault as its cause", (make, name) => {
    const reason = make("in words", fault);
    expect(reason).toBeInstanceOf(DOMException);
    expect(reason).toBeInstanceOf(Error);
    expect(reason).toMatchObject({ name, message: "in words", cause: fault });
  });
});

describe("faultOf", () => {
  test("is the error of a call, or the fault of a response made from one", () => {
    expect(faultOf(left(refused))).toBe(refused);
    expect(faultOf(right({ status: 503, fault: refused }))).toBe(refused);
  });

  test.each([
    ["a response from an upstream", right({ status: 503, fault: undefined })],
    ["a response of another kind", right({ status: 503 })],
    ["a number", right(5)],
    ["nothing", right(undefined)],
    ["null", right(null)],
    ["a response with something else in its place", right({ fault: "Refused" })],
    ["an error that is not a fault", left(new Error("Refused"))],
  ])("is undefined for %s", (_what, result) => {
    expect(faultOf(result)).toBeUndefined();
  });
});
