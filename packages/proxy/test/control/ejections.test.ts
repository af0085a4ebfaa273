import type { Clock } from "@pagoda/core";
import { settled, virtualClock } from "@pagoda/core/testing";
import { expect, test } from "vitest";
import type { EjectedEndpoint } from "../../src/data-plane/ejected-endpoints.ts";
import { Ejections } from "../../src/control/ejections.ts";

const hour = 3_600_000;

function ejecting(initial: (clock: Clock) => readonly EjectedEndpoint[] = () => []) {
  const clock = virtualClock();
  /** The endpoints that workers know as ejected. */
  const told: string[] = [];
  const ended: string[] = [];
  const ejections = new Ejections({
    clock,
    initial: initial(clock),
    changed: async (all) => void told.push(all.map(({ endpoint }) => endpoint).join(" ")),
    ended: ({ cluster, endpoint }) => ended.push(`${cluster} ${endpoint}`),
  });
  return { clock, told, ended, ejections };
}

test("an ejection ends after its time, and workers are told", async () => {
  const { clock, told, ended, ejections } = ejecting();
  const { until } = await ejections.eject("shop", "a", 24 * hour);
  expect(until).toBe(clock.wallTime() + 24 * hour);
  await ejections.eject("shop", "b", hour);
  await clock.advance(hour - 1);
  expect(ended).toEqual([]);
  await clock.advance(1);
  expect(ended).toEqual(["shop b"]);
  await clock.advance(23 * hour);
  expect(ended).toEqual(["shop b", "shop a"]);
  await settled();
  expect(told).toEqual(["a", "a b", "a", ""]);
});

test("a second ejection of the same endpoint replaces the time of the first", async () => {
  const { clock, ended, ejections } = ejecting();
  await ejections.eject("shop", "a", hour);
  await ejections.eject("cart", "a", 3 * hour);
  await ejections.eject("shop", "a", 2 * hour);
  expect(ejections.size).toBe(2);
  await clock.advance(2 * hour - 1);
  expect(ended).toEqual([]);
  await clock.advance(1);
  expect(ended).toEqual(["shop a"]);
});

test("an ejection that was ended early, or with the program, has no end of its own", async () => {
  const { clock, told, ended, ejections } = ejecting();
  await ejections.eject("shop", "a", hour);
  expect(await ejections.end("shop", "a")).toBe(true);
  expect(await ejections.end("shop", "a")).toBe(false);
  await ejections.eject("shop", "b", hour);
  ejections.close();
  await clock.advance(2 * hour);
  expect({ told, ended }).toEqual({ told: ["a", "", "b"], ended: [] });
});

test("ejections of the process that this one replaces go on until their end", async () => {
  const { clock, ended, ejections } = ejecting((clock) => [
    { cluster: "shop", endpoint: "a", until: clock.wallTime() + hour },
    { cluster: "shop", endpoint: "over", until: clock.wallTime() },
  ]);
  expect(ejections.all).toEqual([{ cluster: "shop", endpoint: "a", until: clock.wallTime() + hour }]);
  await clock.advance(hour);
  expect(ended).toEqual(["shop a"]);
});
