import { virtualClock } from "@pagoda/core/testing";
import { expect, test } from "vitest";
import { everyMsAfter, Feed, type FeedOptions } from "../../src/live/feed.ts";
import type { LiveHistory, LivePoint } from "../../src/live/snapshot.ts";

const history: LiveHistory = { stepMs: 10_000, end: 0, steps: 90, series: [], left: 0 };
const point: LivePoint = { end: 0, series: [] };

/** A feed whose `proxy` changes with each sample, and whose `stack` does not. */
function bench(options: Partial<FeedOptions> = {}) {
  const clock = virtualClock();
  let samples = 0;
  const firsts: boolean[] = [];
  const feed = new Feed({
    clock,
    async sample(isFirst) {
      samples++;
      firsts.push(isFirst);
      return { parts: { proxy: { pid: samples } as never, stack: {} as never }, cpuMs: () => 1 };
    },
    history: () => history,
    failed(error) {
      throw error;
    },
    ...options,
  });
  return { clock, feed, firsts, samples: () => samples };
}

class Viewer {
  readonly #events: AsyncIterableIterator<Uint8Array>;

  constructor(feed: Feed) {
    this.#events = feed.view();
  }

  /** The names of the events of the next piece. */
  async next(): Promise<string> {
    const { value } = await this.#events.next();
    const text = new TextDecoder().decode(value as Uint8Array);
    return [...text.matchAll(/^event: (\w+)$/gm)].map(([, name]) => name).join(" ") || text.trim();
  }

  async leave(): Promise<void> {
    await this.#events.return?.();
  }
}

test("a viewer gets all parts at once, then those that have changed", async () => {
  const { clock, feed } = bench();
  const viewer = new Viewer(feed);
  expect(await viewer.next()).toBe("retry: 2000");
  expect(await viewer.next()).toBe("proxy stack history");
  const next = viewer.next();
  await clock.advance(1_000);
  expect(await next).toBe("proxy");
  await viewer.leave();
});

test("nothing is sampled while nobody watches", async () => {
  const { clock, feed, samples, firsts } = bench();
  await clock.advance(60_000);
  expect(samples()).toBe(0);
  const viewer = new Viewer(feed);
  // A response that nobody reads does not count.
  new Viewer(feed);
  await viewer.next();
  await viewer.next();
  expect(feed.viewers).toBe(1);
  const waiting = viewer.next();
  await viewer.leave();
  await waiting;
  expect(feed.viewers).toBe(0);
  await clock.advance(60_000);
  expect(samples()).toBe(1);
  const another = new Viewer(feed);
  await another.next();
  expect(await another.next()).toBe("proxy stack history");
  expect(firsts).toEqual([true, true]);
  await another.leave();
});

test("several viewers share the samples", async () => {
  const { clock, feed, samples } = bench();
  const viewers = [new Viewer(feed), new Viewer(feed)];
  for (const viewer of viewers) {
    await viewer.next();
    await viewer.next();
  }
  const both = viewers.map((viewer) => viewer.next());
  await clock.advance(1_000);
  expect(await Promise.all(both)).toEqual(["proxy", "proxy"]);
  expect(samples()).toBe(2);
  for (const viewer of viewers) await viewer.leave();
});

test("a slow viewer skips samples", async () => {
  const { clock, feed } = bench();
  const viewer = new Viewer(feed);
  await viewer.next();
  await viewer.next();
  await clock.advance(100_000);
  expect(await viewer.next()).toBe("proxy");
  const next = viewer.next();
  await clock.advance(1_000);
  expect(await next).toBe("proxy");
  await viewer.leave();
});

test("a step is added to the history of those who have the rest, and others get all of it", async () => {
  const { clock, feed } = bench();
  const [prompt, slow] = [new Viewer(feed), new Viewer(feed)];
  for (const viewer of [prompt, slow]) {
    await viewer.next();
    expect(await viewer.next()).toBe("proxy stack history");
  }
  for (let step = 0; step < 2; step++) {
    const next = prompt.next();
    feed.add(point);
    await clock.advance(1_000);
    expect(await next).toBe("proxy point");
  }
  expect(await slow.next()).toBe("proxy history");
  await prompt.leave();
  await slow.leave();
});

test("an expensive sample delays the next one, and comments keep the connection open", async () => {
  const told: number[] = [];
  expect([0, 5, 10, 40, 300].map((cpuMs) => everyMsAfter(cpuMs))).toEqual([
    1_000, 1_000, 1_000, 4_000, 30_000,
  ]);
  let samples = 0;
  const { clock, feed } = bench({
    async sample(_isFirst, everyMs) {
      samples++;
      told.push(everyMs(300));
      return { parts: { proxy: { pid: samples } as never }, cpuMs: () => 300 };
    },
  });
  const viewer = new Viewer(feed);
  await viewer.next();
  await viewer.next();
  // The second one comes soon: there are no rates before.
  const second = viewer.next();
  await clock.advance(1_000);
  expect(await second).toBe("proxy");
  for (const sampled of [2, 3]) {
    const comment = viewer.next();
    await clock.advance(15_000);
    expect(await comment).toBe(":");
    expect(samples).toBe(sampled);
    const next = viewer.next();
    await clock.advance(15_000);
    expect(await next).toBe("proxy");
  }
  expect(told).toEqual([1_000, 30_000, 30_000, 30_000]);
  await viewer.leave();
});

test("a sample that fails is reported once, and the next one is taken", async () => {
  const failures: unknown[] = [];
  let samples = 0;
  const { clock, feed } = bench({
    async sample() {
      samples++;
      if (samples < 3) throw new Error("defect");
      return { parts: { proxy: {} as never }, cpuMs: () => 0 };
    },
    failed: (error) => failures.push(error),
  });
  const viewer = new Viewer(feed);
  await viewer.next();
  const second = viewer.next();
  await clock.advance(1_000);
  expect(await second).toBe(":");
  const third = viewer.next();
  await clock.advance(1_000);
  expect(await third).toBe("proxy history");
  expect(failures).toHaveLength(1);
  await viewer.leave();
});
