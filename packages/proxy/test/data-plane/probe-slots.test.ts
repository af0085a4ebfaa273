import { settled } from "@pagoda/core/testing";
import { expect, test } from "vitest";
import { ProbeSlots } from "../../src/data-plane/probe-slots.ts";

test("slots are taken in order of arrival, never more than there are", async () => {
  const slots = new ProbeSlots(2);
  expect([slots.take(), slots.take()]).toEqual([undefined, undefined]);
  const began: string[] = [];
  void slots.take()?.then(() => began.push("third"));
  void slots.take()?.then(() => began.push("fourth"));
  await settled();
  expect(began).toEqual([]);
  slots.give();
  await settled();
  expect(began).toEqual(["third"]);
  for (let given = 0; given < 3; given++) slots.give();
  await settled();
  expect(began).toEqual(["third", "fourth"]);
  expect([slots.take(), slots.take()]).toEqual([undefined, undefined]);
  expect(slots.take()).toBeInstanceOf(Promise);
});
