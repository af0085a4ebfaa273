import { left, right } from "@pagoda/core";
import { expect, test } from "vitest";
import {
  callNotes,
  httpResponse,
  lastTry,
  maxTrail,
  noteEvent,
  trailOf,
  tryBegan,
  tryEnded,
} from "../src/index.ts";

const fault = { _tag: "Down", origin: "upstream", retryable: true } as const;

test("a trail has tries and events in order", () => {
  const notes = callNotes();
  const first = tryBegan(notes, "http://a", 1);
  tryEnded(notes, first, left(fault), 2, false);
  noteEvent(notes, "retry", "retried", [2], 3);
  tryEnded(notes, tryBegan(notes, "http://b", 4), right(httpResponse(200)), 6, false);
  expect(trailOf(notes)).toMatchObject([
    { kind: "try", upstream: "http://a", at: 1, endedAt: 2, status: 0, fault },
    { kind: "event", source: "retry", name: "retried", facts: [2], at: 3 },
    { kind: "try", upstream: "http://b", at: 4, endedAt: 6, status: 200, fault: undefined },
  ]);
  expect([notes.tries, notes.upstream]).toEqual([2, "http://b"]);
  noteEvent(notes, "retry", "recovered", [2], 7);
  expect(lastTry(notes)?.upstream).toBe("http://b");
});

test("a try that is given up does not name the upstream, but has its end", () => {
  const notes = callNotes();
  const loser = tryBegan(notes, "http://a", 1);
  tryBegan(notes, "http://b", 2);
  tryEnded(notes, loser, left(fault), 3, true);
  expect([notes.upstream, loser.endedAt]).toEqual(["http://b", 3]);
});

test("a trail has a maximum length, and tries are still counted", () => {
  const notes = callNotes();
  for (let n = 0; n < maxTrail; n++) noteEvent(notes, "any", "happened", [n], n);
  noteEvent(notes, "any", "too late", [], 0);
  tryBegan(notes, "http://a", 0);
  expect(trailOf(notes)).toHaveLength(maxTrail);
  expect(trailOf(notes).at(-1)).toMatchObject({ facts: [maxTrail - 1] });
  expect(notes.tries).toBe(1);
});
