import { systemClock } from "@pagoda/core";
import { settled } from "@pagoda/core/testing";
import { expect, test } from "vitest";
import { GradualEndpoints } from "../../src/data-plane/gradual-endpoints.ts";
import type { Endpoints, Origin } from "../../src/data-plane/origin.ts";

/** A source whose endpoints the test sets. */
class Source implements Endpoints {
  endpoints: readonly Origin[];
  readonly lastError = undefined;
  readonly started: Promise<void> = Promise.resolve();
  readonly #subscribers = new Set<() => void>();

  constructor(endpoints: readonly Origin[]) {
    this.endpoints = endpoints;
  }

  set(endpoints: readonly Origin[]): void {
    this.endpoints = endpoints;
    for (const changed of this.#subscribers) changed();
  }

  subscribe(changed: () => void): () => void {
    this.#subscribers.add(changed);
    return () => this.#subscribers.delete(changed);
  }

  update(): void {}

  close(): void {}
}

function many(count: number, from = 0): readonly Origin[] {
  return Array.from({ length: count }, (_, at) => ({ key: `http://10.0.0.1:${from + at + 1}` }));
}

test("a few endpoints come at once", () => {
  const source = new Source(many(10));
  const gradual = new GradualEndpoints(source, false, systemClock);
  expect(gradual.endpoints).toBe(source.endpoints);
  gradual.close();
});

test("many endpoints come over several turns of the event loop, and have started when all have", async () => {
  const source = new Source(many(1_000));
  const gradual = new GradualEndpoints(source, false, systemClock);
  const sizes = [gradual.endpoints.length];
  gradual.subscribe(() => sizes.push(gradual.endpoints.length));
  await gradual.started;
  expect(gradual.endpoints).toBe(source.endpoints);
  expect(sizes[0]).toBe(32);
  expect(sizes.length).toBeGreaterThan(2);
  expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
  gradual.close();
});

test("many come together if that is asked for", () => {
  const source = new Source(many(1_000));
  const gradual = new GradualEndpoints(source, true, systemClock);
  expect(gradual.endpoints).toBe(source.endpoints);
  gradual.close();
});

test("endpoints that are gone go at once, also before all have come", async () => {
  const source = new Source(many(1_000));
  const gradual = new GradualEndpoints(source, false, systemClock);
  await settled();
  source.set(many(1_000, 1));
  expect(gradual.endpoints[0]).toBe(source.endpoints[0]);
  expect(gradual.endpoints.length).toBeLessThan(1_000);
  source.set([]);
  expect(gradual.endpoints).toEqual([]);
  await gradual.started;
  gradual.close();
});

test("slow turns make the next ones shorter", async () => {
  let now = 0;
  const clock = { now: () => (now += 20), wallTime: () => 0, setTimer: () => ({}), clearTimer() {} };
  const source = new Source(many(100));
  const gradual = new GradualEndpoints(source, false, clock);
  const sizes = [gradual.endpoints.length];
  gradual.subscribe(() => sizes.push(gradual.endpoints.length));
  await gradual.started;
  expect(sizes.slice(0, 4)).toEqual([32, 48, 56, 60]);
  gradual.close();
});

test("nothing comes after it was closed", async () => {
  const gradual = new GradualEndpoints(new Source(many(1_000)), false, systemClock);
  const { length } = gradual.endpoints;
  gradual.close();
  await gradual.started;
  await settled();
  expect(gradual.endpoints).toHaveLength(length);
});
