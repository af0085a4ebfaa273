import { expect, test } from "vitest";
import { type Counts, Deltas, Window } from "../../src/live/counts.ts";

function row(name: string, ...counts: readonly number[]): Counts {
  return { key: ["web", name], counts };
}

test("only what has been counted since the last reading counts, in all workers together", () => {
  const deltas = new Deltas();
  const running = new Set([1, 2]);
  const first = [
    { pid: 1, rows: [row("api", 5, 1), row("idle", 3, 0)] },
    { pid: 2, rows: [row("api", 7, 0)] },
  ];
  expect(deltas.next(first, running)).toBeUndefined();
  const second = [
    { pid: 1, rows: [row("api", 6, 1), row("idle", 3, 0)] },
    { pid: 2, rows: [row("api", 9, 2)] },
  ];
  expect(deltas.next(second, running)).toEqual([row("api", 3, 2)]);
});

test("a worker that died takes nothing away, and its replacement counts from zero", () => {
  const deltas = new Deltas();
  deltas.next([{ pid: 1, rows: [row("api", 100)] }], new Set([1]));
  expect(deltas.next([{ pid: 2, rows: [row("api", 4)] }], new Set([2]))).toEqual([row("api", 4)]);
});

test("a worker that did not answer brings what it counted meanwhile, and nothing from before", () => {
  const deltas = new Deltas();
  const running = new Set([1, 2]);
  deltas.next([{ pid: 1, rows: [row("api", 10)] }], running);
  // The second one was there, so its 1,000 calls are not new.
  expect(deltas.next([{ pid: 2, rows: [row("api", 1_000)] }], running)).toEqual([]);
  const both = [
    { pid: 1, rows: [row("api", 13)] },
    { pid: 2, rows: [row("api", 1_001)] },
  ];
  expect(deltas.next(both, running)).toEqual([row("api", 4)]);
});

test("a series that was dropped and has come back counts from zero", () => {
  const deltas = new Deltas();
  const running = new Set([1]);
  deltas.next([{ pid: 1, rows: [row("api", 10, 10)] }], running);
  expect(deltas.next([{ pid: 1, rows: [row("api", 2, 11)] }], running)).toEqual([row("api", 2, 11)]);
});

test("a window covers its time, and forgets exactly what it has seen before", () => {
  const window = new Window(10_000);
  expect(window.seconds).toBe(0);
  for (let second = 0; second < 25; second++)
    window.add({ from: second * 1_000, to: (second + 1) * 1_000, rows: second < 5 ? [row("api", 2)] : [] });
  expect(window.seconds).toBe(10);
  expect(window.rows).toEqual([]);
  window.add({ from: 25_000, to: 26_000, rows: [row("api", 3)] });
  expect(window.rows).toEqual([row("api", 3)]);
});

test("a step that is longer than the window is shown whole", () => {
  const window = new Window(10_000);
  window.add({ from: 0, to: 30_000, rows: [row("api", 30)] });
  window.add({ from: 30_000, to: 60_000, rows: [row("api", 60)] });
  expect(window.seconds).toBe(30);
  expect(window.rows).toEqual([row("api", 60)]);
});
