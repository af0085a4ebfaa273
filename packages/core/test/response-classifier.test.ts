import { defaultClassifier, hasTag, left, responseClassifier, right, systemClock } from "@pagoda/core";
import { virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";

describe.each([
  { name: "defaultClassifier", make: defaultClassifier },
  {
    name: "responseClassifier without other statuses",
    make: (clock = systemClock) => responseClassifier({ clock }),
  },
])("$name", ({ make }) => {
  test.each([
    [200, "success", false],
    [404, "success", false],
    [429, "limited", true],
    [500, "failure", false],
    [503, "failure", true],
  ])("reads an HTTP response with status %d as %s, retryable: %s", (status, kind, retryable) => {
    const { outcome } = make();
    expect(outcome(right(new Response(null, { status })))).toEqual({ kind, retryable });
  });

  test("reads errors by their origin", () => {
    const { outcome } = make();
    expect(outcome(left({ _tag: "A", origin: "upstream", retryable: true }))).toMatchObject({
      kind: "failure",
    });
    expect(outcome(left({ _tag: "A", origin: "local", retryable: true }))).toMatchObject({ kind: "neutral" });
  });

  test.each([
    "a string",
    503,
    null,
    undefined,
    { status: 503 },
    { status: "503", headers: new Headers() },
    { status: 503, headers: null },
    { status: 503, headers: {} },
  ])("treats a value that is not an HTTP response as a success: %j", (response) => {
    expect(make().outcome(right(response))).toEqual({ kind: "success", retryable: false });
  });

  test("judges a response made from a fault as that fault", () => {
    const fault = { _tag: "Shed", origin: "local", retryable: true } as const;
    const outcome = make().outcome(right({ ...answered(503), fault }));
    expect(outcome).toEqual({ kind: "neutral", retryable: true });
  });

  test("honours Retry-After in the clock's time", () => {
    const clock = virtualClock(Date.UTC(2026, 10, 23, 12));
    const { outcome } = make(clock);
    const after = (value: string) => outcome(right(answered(503, { "retry-after": value }))).retryAfterMs;
    expect(after("7")).toBe(7_000);
    expect(after("Mon, 23 Nov 2026 12:00:30 GMT")).toBe(30_000);
  });

  test("follows an observable body to its end", () => {
    const classifier = make();
    const follow = (end: (body: Observed) => void): unknown[] => {
      const body = new Observed();
      const heard: unknown[] = [];
      const isUnderWay = classifier.follow?.({ ...answered(200), body }, ({ kind }) => heard.push(kind));
      end(body);
      return [isUnderWay, ...heard];
    };
    const broken = { _tag: "Broken", origin: "upstream", retryable: false } as const;
    expect(follow((body) => body.end(false, broken))).toEqual([true, "failure"]);
    expect(follow((body) => body.end(false))).toEqual([true, "success"]);
    expect(follow(() => {})).toEqual([true]);
    const whole = { ...answered(200), body: Object.assign(new Observed(), { isWhole: true }) };
    for (const other of [whole, answered(200), new Response("a"), {}, "text"])
      expect(classifier.follow?.(other, () => {})).toBe(false);
  });

  test("discards a response by cancelling its body", async () => {
    const classifier = make();
    let cancelled = 0;
    classifier.discard({ ...answered(200), body: { cancel: () => cancelled++ } });
    expect(cancelled).toBe(1);

    const reasons: unknown[] = [];
    const stream = new ReadableStream({ cancel: (reason) => void reasons.push(reason) });
    classifier.discard(new Response(stream));
    expect(reasons).toHaveLength(1);
    // A stream with a reader cannot be cancelled here; the rejection must not be unhandled.
    const read = new Response("text");
    read.body?.getReader();
    classifier.discard(read);
    for (const other of [undefined, null, "text", {}, new Response(null)]) classifier.discard(other);
    await Promise.resolve();
  });
});

describe("responseClassifier", () => {
  test("accepts statuses", () => {
    const { outcome } = responseClassifier({ failures: [404, 429], limited: [503], retryable: [409] });
    const read = (status: number) => outcome(right(answered(status)));
    expect(read(404)).toEqual({ kind: "failure", retryable: false });
    expect(read(429)).toEqual({ kind: "failure", retryable: false });
    expect(read(503)).toEqual({ kind: "limited", retryable: false });
    expect(read(500)).toEqual({ kind: "success", retryable: false });
    expect(read(409)).toEqual({ kind: "success", retryable: true });
  });

  test("accepts a predicate for errors", () => {
    const { outcome } = responseClassifier({ retryableErrors: (error) => hasTag("A")(error) });
    const fault = (tag: string, retryable: boolean) =>
      ({ _tag: tag, origin: "upstream", retryable }) as const;
    expect(outcome(left(fault("A", false)))).toEqual({ kind: "failure", retryable: true });
    expect(outcome(left(fault("B", true)))).toEqual({ kind: "failure", retryable: false });
    expect(outcome(right({ ...answered(502), fault: fault("B", true) }))).toMatchObject({
      retryable: false,
    });
  });

  test("accepts predicates for responses of any kind", () => {
    interface Answer {
      readonly code: number;
    }
    const { outcome } = responseClassifier<Answer>({
      failures: ({ code }) => code < 0,
      retryable: ({ code }) => code === -2,
    });
    expect(outcome(right({ code: 0 }))).toEqual({ kind: "success", retryable: false });
    expect(outcome(right({ code: -1 }))).toEqual({ kind: "failure", retryable: false });
    expect(outcome(right({ code: -2 }))).toEqual({ kind: "failure", retryable: true });
  });

  test.each(["failures", "limited", "retryable"])("refuses %s that are not HTTP statuses", (option) => {
    for (const status of [99, 600, 503.5, NaN])
      expect(() => responseClassifier({ [option]: [status] })).toThrow(
        new RangeError(`responseClassifier: ${option} must be HTTP statuses from 100 to 599 (got ${status})`),
      );
  });
});

/** A response that belongs to no library. */
function answered(status: number, headers: Record<string, string> = {}) {
  return { status, headers: new Headers(headers) };
}

/** A body that reports how it ends. */
class Observed {
  readonly isWhole: boolean = false;
  end!: (complete: boolean, fault?: unknown) => void;
  observe(observer: (complete: boolean, trailers?: unknown, fault?: unknown) => void): void {
    this.end = (complete, fault) => observer(complete, undefined, fault);
  }
}
