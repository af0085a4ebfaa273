import { left, oneshot, right, service, steer } from "@pagoda/core";
import { mockService, settled } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { full, Limit, limited } from "../readiness/limits.ts";

const named = (name: string) => service(name, async (_n: number) => right(name));
const three = [named("a"), named("b"), named("c")];

describe("steer", () => {
  test("sends each request to the service that pick selects", async () => {
    const steered = steer(three, (n) => n);
    expect(await Promise.all([0, 1, 2].map((n) => steered.call(n)))).toEqual(["a", "b", "c"].map(right));
  });

  test("passes the signal on", async () => {
    const { signal } = new AbortController();
    const echo = service("echo", async (_n: number, got?: AbortSignal) => right(got));
    expect(await steer([echo], () => 0).call(1, signal)).toEqual(right(signal));
  });

  /** A slow service with a single slot, which is taken, and a free one. */
  function slowAndFast() {
    const slot = new Limit(1);
    const slow = mockService<number, string>();
    const fast = mockService<number, string>();
    const steered = steer([limited(slot)(slow.service), limited(new Limit(1))(fast.service)], (n) => n);
    slot.take();
    return { slot, fast, slow, steered };
  }

  test("a busy service does not hold up requests for the others", async () => {
    const { fast, steered } = slowAndFast();
    expect(steered.ready()).toBeUndefined();
    const result = oneshot(steered, 1);
    (await fast.next()).answer("fast");
    expect(await result).toEqual(right("fast"));
  });

  test("a request for a busy service gets that service's refusal", async () => {
    const { slow, steered } = slowAndFast();
    expect(await oneshot(steered, 0)).toEqual(left(full));
    await slow.expectNoCall();
  });

  test("is not ready while no service is, and is woken by any", async () => {
    const { fast, slot, slow, steered } = slowAndFast();
    void steered.call(1);
    await fast.next();
    expect(steered.ready()).toBeInstanceOf(Promise);
    void oneshot(steered, 0);
    await settled();
    slot.giveBack();
    expect((await slow.next()).request).toBe(0);
  });

  test("refuses an empty list", () => {
    expect(() => steer([], () => 0)).toThrow(RangeError);
    expect(() => steer([], () => 0)).toThrow("services must be a list of at least one service");
  });

  test.each([-1, 3, 0.5, NaN])("rejects with a defect when pick returns %d", async (index) => {
    const steered = steer(three, () => index);
    await expect(steered.call(1)).rejects.toThrow(
      `steer: result of pick must be an integer from 0 to 2 (got ${index})`,
    );
  });

  // Defect: it was thrown at the caller, which had set a timer and never cleared it.
  test("rejects when pick throws", async () => {
    const mistaken = steer(three, (): number => {
      throw new Error("a defect");
    });
    await expect(mistaken.call(1)).rejects.toThrow("a defect");
  });

  test("describes all of its services", () => {
    expect(steer(three, () => 0).describe()).toEqual({
      name: "steer",
      inner: [{ name: "a" }, { name: "b" }, { name: "c" }],
    });
  });
});
