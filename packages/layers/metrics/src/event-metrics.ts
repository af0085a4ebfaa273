import { checkInteger } from "@pagoda/core";
import type { Registry } from "prom-client";
import { checkFree, ReadCounter } from "./read.ts";
import { checkLabels, other } from "./series.ts";

/** Names of an observer's functions. */
export type EventOf<Observer> = {
  [Name in keyof Observer]-?: NonNullable<Observer[Name]> extends (...args: never[]) => unknown
    ? Name
    : never;
}[keyof Observer] &
  string;

export interface EventMetricsOptions {
  /** Where the metric is registered. */
  readonly registry: Registry;
  /** Name of the metric. Default `stack_events_total`. */
  readonly name?: string;
  /**
   * Maximum number of series; events beyond it count as `other`: an integer of at least 1. Default
   * 10,000.
   */
  readonly maxSeries?: number;
}

export interface ObserverOptions<Observer> {
  /** Labels in addition to `layer` and `event`, such as the route. */
  readonly labels?: Readonly<Record<string, string>>;
  /** An observer that receives the events, too. */
  readonly also?: Observer;
}

/** Creates observers that count events. */
export interface EventMetrics {
  /**
   * Creates an observer for a layer. Each of the named functions counts its calls.
   *
   * @param layer Value of the label `layer`: the layer's name.
   * @param events Names of functions of the observer, checked by the compiler.
   */
  observer<Observer extends object>(
    layer: string,
    events: readonly EventOf<Observer>[],
    options?: ObserverOptions<Observer>,
  ): Observer;
  /**
   * Creates observers for something with a lifetime, such as an endpoint. When it ends, their
   * series are removed unless another observer shares them. They appear in one more scrape, so the
   * last events are not lost.
   *
   * @param atEnd Registers a function to run once at the end.
   */
  until(atEnd: (run: () => void) => void): EventMetrics;
}

interface Cell {
  readonly key: string;
  readonly labels: Readonly<Record<string, string>>;
  count: number;
  /** Number of observers that share this cell. */
  owners: number;
}

/**
 * Counts the events that layers report to observers, as `stack_events_total{layer,event}`: retries,
 * refusals, opened circuits. Complements {@link stackMetrics}, which shows the current state but
 * not what happened between scrapes. A series exists, with 0, as soon as its observer is created.
 *
 * Observers with the same layer and labels share their series.
 *
 * Cost per event: a few nanoseconds. prom-client runs only on scrapes.
 *
 * @example
 * const events = eventMetrics({ registry });
 * retry({ observer: events.observer("retry", ["retried", "gaveUp"]) });
 *
 * @throws RangeError if an option is out of range, or the registry already has a metric of that name.
 */
export function eventMetrics({
  registry,
  name = "stack_events_total",
  maxSeries = 10_000,
}: EventMetricsOptions): EventMetrics {
  checkInteger("eventMetrics: maxSeries", maxSeries, { min: 1 });
  checkFree("eventMetrics", registry, [name]);
  const cells = new Map<string, Cell>();
  /** Cells to remove after the next scrape. */
  const ownerless = new Set<Cell>();
  new ReadCounter({
    name,
    help: "Events reported by layers",
    registry,
    read: () => {
      if (ownerless.size > 0) queueMicrotask(sweep);
      return Array.from(cells.values(), ({ labels, count }) => ({ labels, value: count }));
    },
  });

  function cellOf(labels: Readonly<Record<string, string>>): Cell {
    const key = JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    const known = cells.get(key);
    if (known !== undefined) {
      known.owners++;
      ownerless.delete(known);
      return known;
    }
    if (cells.size >= maxSeries && labels["layer"] !== other) return cellOf({ layer: other, event: other });
    const cell: Cell = { key, labels, count: 0, owners: 1 };
    cells.set(key, cell);
    return cell;
  }

  function disown(owned: readonly Cell[]): void {
    for (const cell of owned) if (--cell.owners === 0) ownerless.add(cell);
  }

  function sweep(): void {
    for (const { key } of ownerless) cells.delete(key);
    ownerless.clear();
  }

  const observers = (atEnd: ((run: () => void) => void) | undefined): EventMetrics => ({
    until: (end) => observers(end),
    observer<Observer extends object>(
      layer: string,
      events: readonly EventOf<Observer>[],
      { labels = {}, also }: ObserverOptions<Observer> = {},
    ) {
      checkLabels("eventMetrics: each of labels", labels, ownLabels);
      const observer = { ...also } as Record<string, (...args: unknown[]) => void>;
      const owned: Cell[] = [];
      for (const event of events) {
        const cell = cellOf({ ...labels, layer, event });
        owned.push(cell);
        const forward = (also as typeof observer | undefined)?.[event];
        observer[event] =
          forward === undefined
            ? () => void cell.count++
            : (...args) => {
                cell.count++;
                forward.apply(also, args);
              };
      }
      atEnd?.(() => disown(owned));
      return observer as Observer;
    },
  });
  return observers(undefined);
}

const ownLabels = new Set(["layer", "event"]);
