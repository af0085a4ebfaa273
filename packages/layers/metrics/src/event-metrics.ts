import { checkInteger, checkOption } from "@pagoda/core";
import type { Registry } from "prom-client";
import { checkFree, ReadCounter } from "./read.ts";
import { other } from "./series.ts";

/** The names of an observer's functions. */
export type EventOf<Observer> = {
  [Name in keyof Observer]-?: NonNullable<Observer[Name]> extends (...args: never[]) => unknown
    ? Name
    : never;
}[keyof Observer] &
  string;

export interface EventMetricsOptions {
  /** Where the metric is registered. */
  readonly registry: Registry;
  /** How it is called. Default `stack_events_total`. */
  readonly name?: string;
  /** With so many series, those with further labels count as `other`: a whole number, at least 1. Default 10,000. */
  readonly maxSeries?: number;
}

export interface ObserverOptions<Observer> {
  /** Labels beside `layer` and `event`, with their values, such as the route. */
  readonly labels?: Readonly<Record<string, string>>;
  /** An observer that is told, too. */
  readonly also?: Observer;
}

/** Makes observers that count. */
export interface EventMetrics {
  /**
   * An observer for a layer: each of the functions that are named counts how often it is called.
   *
   * @param layer The label `layer`: the layer's name.
   * @param events Names of functions of the observer; the compiler knows which there are.
   */
  observer<Observer extends object>(
    layer: string,
    events: readonly EventOf<Observer>[],
    options?: ObserverOptions<Observer>,
  ): Observer;
  /**
   * Makes observers for something that comes to an end, such as an endpoint. At the end their series are removed,
   * unless another observer shares them, after one more reading: the last events are not lost.
   *
   * @param atEnd Registers a function that runs at the end, once.
   */
  until(atEnd: (run: () => void) => void): EventMetrics;
}

interface Cell {
  readonly key: string;
  readonly labels: Readonly<Record<string, string>>;
  count: number;
  /** Observers that count here. */
  owners: number;
}

/**
 * Counts what layers tell their observers, as `stack_events_total{layer,event}`: retries, refusals, circuits that open.
 * Use it beside {@link stackMetrics}, which shows how things stand and not what has happened in between. A series is
 * there, with 0, from the moment that its observer is made.
 *
 * Observers of the same layer and labels share their series.
 *
 * Cost per event: a few nanoseconds. prom-client is asked only when the metrics are read.
 *
 * @example
 * const events = eventMetrics({ registry });
 * retry({ observer: events.observer("retry", ["retried", "gaveUp"]) });
 *
 * @throws RangeError when an option is out of range, or the registry has a metric of that name already.
 */
export function eventMetrics({
  registry,
  name = "stack_events_total",
  maxSeries = 10_000,
}: EventMetricsOptions): EventMetrics {
  checkInteger("eventMetrics: maxSeries", maxSeries, { min: 1 });
  checkFree("eventMetrics", registry, [name]);
  const cells = new Map<string, Cell>();
  /** Those to be removed when they have been read. */
  const ownerless = new Set<Cell>();
  new ReadCounter({
    name,
    help: "What layers have told their observers, by layer and event",
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
      for (const label of Object.keys(labels)) checkLabel(label);
      const observer = { ...also } as Record<string, (...args: unknown[]) => void>;
      const owned: Cell[] = [];
      for (const event of events) {
        const cell = cellOf({ ...labels, layer, event });
        owned.push(cell);
        const tell = (also as typeof observer | undefined)?.[event];
        observer[event] =
          tell === undefined
            ? () => void cell.count++
            : (...args) => {
                cell.count++;
                tell.apply(also, args);
              };
      }
      atEnd?.(() => disown(owned));
      return observer as Observer;
    },
  });
  return observers(undefined);
}

function checkLabel(label: string): void {
  const isValid = /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label) && label !== "layer" && label !== "event";
  const expected = "letters, digits and _, other than layer and event";
  checkOption("eventMetrics: each of labels", label, isValid, expected);
}
