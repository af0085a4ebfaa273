import { Counter, Registry } from "prom-client";
import { describe, expect, expectTypeOf, test } from "vitest";
import { eventMetrics, type EventOf } from "@pagoda/metrics";
import { exposed } from "./exposition.ts";

/** An observer as layers have it. */
interface TryObserver {
  readonly retried?: (event: { readonly attempt: number }) => void;
  readonly gaveUp?: (reason: string, attempts: number) => void;
  readonly name?: string;
}

/** A layer factory, reduced to its observer. */
function layerWith(options: { readonly observer?: TryObserver }): TryObserver {
  return options.observer ?? {};
}

async function values(registry: Registry) {
  return (await exposed(registry)).map(({ name, type, labels, value }) => ({ name, type, labels, value }));
}

describe("eventMetrics", () => {
  test("counts events from 0", async () => {
    const registry = new Registry();
    const events = eventMetrics({ registry });
    const observer = events.observer<TryObserver>("retry", ["retried", "gaveUp"]);
    const series = (event: string, value: number) => ({
      name: "stack_events_total",
      type: "counter",
      labels: { layer: "retry", event },
      value,
    });
    expect(await values(registry)).toEqual([series("retried", 0), series("gaveUp", 0)]);
    observer.retried?.({ attempt: 2 });
    observer.retried?.({ attempt: 3 });
    expect(await values(registry)).toEqual([series("retried", 2), series("gaveUp", 0)]);
  });

  test("forwards events to the observer given as also", () => {
    const forwarded: unknown[] = [];
    const also: TryObserver = {
      retried: (event) => forwarded.push(event),
      gaveUp: (...args) => forwarded.push(args),
    };
    const events = eventMetrics({ registry: new Registry() });
    const observer = events.observer<TryObserver>("retry", ["retried"], { also });
    observer.retried?.({ attempt: 2 });
    observer.gaveUp?.("deadline", 2);
    expect(forwarded).toEqual([{ attempt: 2 }, ["deadline", 2]]);
  });

  test("counts an event even if also throws", async () => {
    const registry = new Registry();
    const retried = (): never => {
      throw new Error("a mistake");
    };
    const observer = eventMetrics({ registry }).observer<TryObserver>("retry", ["retried"], {
      also: { retried },
    });
    expect(() => observer.retried?.({ attempt: 2 })).toThrow("a mistake");
    expect((await values(registry))[0]?.value).toBe(1);
  });

  test("observers with the same labels share their series", async () => {
    const registry = new Registry();
    const events = eventMetrics({ registry, name: "shop_events_total" });
    const make = (labels: Record<string, string>) =>
      events.observer<TryObserver>("retry", ["retried"], { labels });
    for (const labels of [
      { route: "cart", cluster: "a" },
      { cluster: "a", route: "cart" },
      { route: "a,cluster:b" },
      { route: "a", cluster: "b" },
    ])
      make(labels).retried?.({ attempt: 2 });
    const read = await values(registry);
    expect(read.map(({ labels: { route, cluster }, value }) => [route, cluster, value])).toEqual([
      ["cart", "a", 2],
      ["a,cluster:b", undefined, 1],
      ["a", "b", 1],
    ]);
  });

  test("events beyond maxSeries count as `other`", async () => {
    const registry = new Registry();
    const events = eventMetrics({ registry, maxSeries: 2 });
    for (const layer of ["a", "b", "c", "d", "a"]) {
      events.observer<TryObserver>(layer, ["retried"]).retried?.({ attempt: 2 });
    }
    expect(
      (await values(registry)).map(({ labels, value }) => [labels["layer"], labels["event"], value]),
    ).toEqual([
      ["a", "retried", 2],
      ["b", "retried", 1],
      ["other", "other", 2],
    ]);
  });

  test.each([0, 1.5, NaN])("refuses %d as maxSeries", (maxSeries) => {
    expect(() => eventMetrics({ registry: new Registry(), maxSeries })).toThrow(
      `eventMetrics: maxSeries must be an integer of at least 1 (got ${maxSeries})`,
    );
  });

  test.each(["layer", "event", "a-b", "0a", ""])("refuses the label %j", (label) => {
    const events = eventMetrics({ registry: new Registry() });
    const make = () => events.observer<TryObserver>("retry", ["retried"], { labels: { [label]: "x" } });
    expect(make).toThrow(RangeError);
    expect(make).toThrow(
      `each of labels must be letters, digits and _, other than layer and event (got "${label}")`,
    );
  });

  test("refuses a name already in the registry", () => {
    const registry = new Registry();
    new Counter({ name: "stack_events_total", help: "another metric", registers: [registry] });
    expect(() => eventMetrics({ registry })).toThrow(
      "eventMetrics: registry must be one without the metric stack_events_total (value not shown)",
    );
  });

  test("defect: series of 3,000 removed endpoints stayed forever", async () => {
    const registry = new Registry();
    const events = eventMetrics({ registry });
    for (let at = 0; at < 3_000; at++) {
      let end = (): void => {};
      events
        .until((run) => (end = run))
        .observer<TryObserver>("retry", ["retried", "gaveUp"], { labels: { endpoint: `http://e:${at}` } })
        .retried?.({ attempt: 2 });
      end();
    }
    // The last scrape with them: no event is lost.
    const last = await values(registry);
    expect(last).toHaveLength(6_000);
    expect(last.reduce((sum, { value }) => sum + value, 0)).toBe(3_000);
    expect(await values(registry)).toEqual([]);
  });

  test("a shared series stays, and a series recreated before the scrape keeps its count", async () => {
    const registry = new Registry();
    const events = eventMetrics({ registry });
    const ends: (() => void)[] = [];
    const make = () => events.until((run) => ends.push(run)).observer<TryObserver>("retry", ["retried"]);
    const [one, two] = [make(), make()];
    one.retried?.({ attempt: 2 });
    ends[0]?.();
    await values(registry);
    two.retried?.({ attempt: 2 });
    expect((await values(registry)).map(({ value }) => value)).toEqual([2]);
    ends[1]?.();
    make().retried?.({ attempt: 2 });
    await values(registry);
    expect((await values(registry)).map(({ value }) => value)).toEqual([3]);
  });

  test("is exposed in OpenMetrics format", async () => {
    const registry = new Registry();
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
    eventMetrics({ registry }).observer<TryObserver>("retry", ["retried"]).retried?.({ attempt: 2 });
    expect(await registry.metrics()).toContain('stack_events_total{layer="retry",event="retried"} 1\n');
  });
});

describe("types", () => {
  const events = eventMetrics({ registry: new Registry() });

  test("events are names of the observer's functions", () => {
    expectTypeOf<EventOf<TryObserver>>().toEqualTypeOf<"retried" | "gaveUp">();
    expectTypeOf(events.observer<TryObserver>("retry", ["retried"])).toEqualTypeOf<TryObserver>();
    // @ts-expect-error: Type '"retryed"' is not assignable to type '"retried" | "gaveUp"'.
    events.observer<TryObserver>("retry", ["retryed"]);
    // @ts-expect-error: `name` is not a function.
    events.observer<TryObserver>("retry", ["name"]);
  });

  test("infers the observer type from the layer", () => {
    layerWith({ observer: events.observer("retry", ["retried"]) });
    // @ts-expect-error: Type '"retryed"' is not assignable to type '"retried" | "gaveUp"'.
    layerWith({ observer: events.observer("retry", ["retryed"]) });
  });
});
