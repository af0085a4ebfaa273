import { checkInteger, checkOption, type Clock, type Description, systemClock } from "@pagoda/core";
import type { MetricValue, Registry } from "prom-client";
import { checkFree, ReadCounter, ReadGauge } from "./read.ts";
import { at, other } from "./series.ts";
import { type Sample, walk } from "./walk.ts";

export interface StackMetricsOptions {
  /** Where the metrics are registered. */
  readonly registry: Registry;
  /**
   * Returns the service to describe. Called on each scrape, so that the service can be replaced in
   * between.
   */
  readonly stack: () => { describe(): Description };
  /**
   * Prefix of all metric names: letters, digits and `_`, not starting with a digit. Default
   * `stack`.
   */
  readonly prefix?: string;
  /**
   * Maximum number of series; those beyond it are dropped and counted: an integer of at least 1.
   * Default 10,000.
   */
  readonly maxSeries?: number;
  /** Default: the system's clock. */
  readonly clock?: Clock;
}

/** Milliseconds of a scrape without other work of the program. */
const turnMs = 10;

/** Names come from the keys of states, which a layer might use for data. */
const maxNames = 1_000;
/** Strings in a state are phases and reasons, of which there are a handful. */
const maxWords = 16;

/**
 * Exposes the state of a stack's layers as gauges, read from its description on scrapes. Each
 * number in a layer's state is `stack_<layer>_<name>` and a boolean is 0 or 1. A string is one
 * series per value seen so far, with the label `state` and 1 for the current value. Names are in
 * snake case, and milliseconds become seconds. Everything in the stack of an endpoint has the label
 * `endpoint`; the same holds for `route` and `cluster`. Layers with otherwise identical labels get
 * a `position`.
 *
 * Use it once per stack. A name seen for the first time appears from the next scrape on. A failing
 * description is counted and yields no series.
 *
 * Cost: none per call; one `describe()` per scrape. Reading its result takes turns of 10 ms with
 * the rest of the program.
 *
 * @throws RangeError if an option is out of range, or the registry already has metrics of these
 * names.
 */
export function stackMetrics({
  registry,
  stack,
  prefix = "stack",
  maxSeries = 10_000,
  clock = systemClock,
}: StackMetricsOptions): void {
  const isName = /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(prefix);
  checkOption("stackMetrics: prefix", prefix, isName, "letters, digits and _");
  checkInteger("stackMetrics: maxSeries", maxSeries, { min: 1 });
  const own = { failures: `${prefix}_describe_failures_total`, dropped: `${prefix}_series_dropped` };
  checkFree("stackMetrics", registry, Object.values(own));
  const reader = new StackReader(registry, stack, `${prefix}_`, maxSeries, clock);
  new ReadCounter({
    name: own.failures,
    help: "Failures of the stack description",
    registry,
    read: async () => [{ labels: {}, value: (await reader.read()).failures }],
  });
  new ReadGauge({
    name: own.dropped,
    help: "Dropped series of the stack state",
    registry,
    read: async () => [{ labels: {}, value: (await reader.read()).dropped }],
  });
  // Registers current names, so that they appear on the first scrape.
  for (const _ of reader.refresh());
}

class StackReader {
  readonly #registry: Registry;
  readonly #stack: StackMetricsOptions["stack"];
  readonly #prefix: string;
  readonly #maxSeries: number;
  /** Values at the last scrape, by registered name. */
  readonly #values = new Map<string, MetricValue<string>[]>();
  readonly #words = new Map<string, Set<string>>();
  /** Series of this scrape. Prometheus rejects a scrape with duplicates. */
  readonly #seen = new Set<string>();
  readonly #clock: Clock;
  #series = 0;
  #reading: Promise<this> | undefined;
  dropped = 0;
  failures = 0;

  constructor(
    registry: Registry,
    stack: StackMetricsOptions["stack"],
    prefix: string,
    maxSeries: number,
    clock: Clock,
  ) {
    this.#clock = clock;
    this.#registry = registry;
    this.#stack = stack;
    this.#prefix = prefix;
    this.#maxSeries = maxSeries;
  }

  /** All gauges are read together; the first one refreshes them all. */
  read(): Promise<this> {
    this.#reading ??= this.#refreshed().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #refreshed(): Promise<this> {
    let begunMs = this.#clock.now();
    for (const _ of this.refresh()) {
      if (this.#clock.now() - begunMs < turnMs) continue;
      await new Promise<void>((resolve) => this.#clock.setTimer(0, resolve));
      begunMs = this.#clock.now();
    }
    return this;
  }

  /** Yields after each node of the description. */
  *refresh(): Generator<void> {
    this.#seen.clear();
    this.#series = 0;
    this.dropped = 0;
    for (const name of this.#values.keys()) this.#values.set(name, []);
    try {
      for (const samples of walk(this.#stack().describe())) {
        for (const sample of samples) this.#take(sample);
        yield;
      }
    } catch {
      this.failures++;
    }
  }

  #take({ name, layer, labels, id, value, word }: Sample): void {
    const values = this.#valuesOf(`${this.#prefix}${name}`, layer);
    if (values === undefined || this.#seen.has(id)) {
      this.dropped++;
      return;
    }
    // Those that are dropped anyway need not be told apart.
    if (this.#series < this.#maxSeries) this.#seen.add(id);
    if (word === undefined) return this.#add(values, labels, value);
    const words = at(this.#words, name, () => new Set());
    const said = words.has(word) || words.size < maxWords ? word : other;
    words.add(said);
    for (const each of words) this.#add(values, { ...labels, state: each }, each === said ? 1 : 0);
  }

  #add(values: MetricValue<string>[], labels: Sample["labels"], value: number): void {
    if (this.#series < this.#maxSeries) {
      this.#series++;
      values.push({ labels, value });
    } else this.dropped++;
  }

  /** Returns `undefined` if there are too many names, or the name is taken by another metric. */
  #valuesOf(name: string, layer: string): MetricValue<string>[] | undefined {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    if (this.#values.size >= maxNames || this.#registry.getSingleMetric(name) !== undefined) return undefined;
    this.#values.set(name, []);
    new ReadGauge({
      name,
      help: `State of ${layer}`,
      registry: this.#registry,
      // Ages, shares and limits of several processes cannot be summed.
      aggregator: "max",
      read: async () => (await this.read()).#values.get(name) ?? [],
    });
    return this.#values.get(name);
  }
}
