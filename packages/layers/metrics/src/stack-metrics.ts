import { checkInteger, checkOption, type Description } from "@pagoda/core";
import type { MetricValue, Registry } from "prom-client";
import { checkFree, ReadCounter, ReadGauge } from "./read.ts";
import { at, other } from "./series.ts";
import { type Sample, walk } from "./walk.ts";

export interface StackMetricsOptions {
  /** Where the metrics are registered. */
  readonly registry: Registry;
  /** Gives what is described, asked anew each time: a service that can be replaced may change in between. */
  readonly stack: () => { describe(): Description };
  /** What all names begin with: letters, digits and `_`, no digit first. Default `stack`. */
  readonly prefix?: string;
  /** Series beyond this are left out and counted: a whole number, at least 1. Default 10,000. */
  readonly maxSeries?: number;
}

/** Names come from the keys in states. Somebody may use a state's keys for data. */
const maxNames = 1_000;
/** The words of a state are phases and reasons, of which there are a handful. */
const maxWords = 16;

/**
 * Shows how the layers of a stack stand, as gauges read off its description when somebody asks: each number in a
 * layer's state is `stack_<layer>_<name>`, a truth is 0 or 1, and a word is a series with the label `state` for each one
 * that was ever seen, 1 for the one that holds. Names are in snake case, and milliseconds become seconds. All that is in
 * the stack of an endpoint has the label `endpoint`, and `route` and `cluster` likewise; `position` is there where two
 * layers would be the same otherwise.
 *
 * Use it once for each stack. A name that comes up for the first time is there from the next reading on. A
 * description that fails is counted, and gives no series.
 *
 * Cost: none per call; what `describe()` costs, once each time that the metrics are read.
 *
 * @throws RangeError when an option is out of range, or the registry has metrics of these names already.
 */
export function stackMetrics({
  registry,
  stack,
  prefix = "stack",
  maxSeries = 10_000,
}: StackMetricsOptions): void {
  const isName = /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(prefix);
  checkOption("stackMetrics: prefix", prefix, isName, "letters, digits and _");
  checkInteger("stackMetrics: maxSeries", maxSeries, { min: 1 });
  const own = { failures: `${prefix}_describe_failures_total`, dropped: `${prefix}_series_dropped` };
  checkFree("stackMetrics", registry, Object.values(own));
  const reader = new StackReader(registry, stack, `${prefix}_`, maxSeries);
  new ReadCounter({
    name: own.failures,
    help: "Times that the stack's description failed",
    registry,
    read: () => [{ labels: {}, value: reader.read().failures }],
  });
  new ReadGauge({
    name: own.dropped,
    help: "Series of the stack's state that there was no room for",
    registry,
    read: () => [{ labels: {}, value: reader.read().dropped }],
  });
  // What there is now is named from the first reading on.
  reader.refresh();
}

class StackReader {
  readonly #registry: Registry;
  readonly #stack: StackMetricsOptions["stack"];
  readonly #prefix: string;
  readonly #maxSeries: number;
  /** Of each name that is registered, its values at the last reading. */
  readonly #values = new Map<string, MetricValue<string>[]>();
  readonly #words = new Map<string, Set<string>>();
  /** The series of this reading. One that is there twice makes Prometheus refuse all. */
  readonly #seen = new Set<string>();
  #series = 0;
  #isFresh = false;
  dropped = 0;
  failures = 0;

  constructor(registry: Registry, stack: StackMetricsOptions["stack"], prefix: string, maxSeries: number) {
    this.#registry = registry;
    this.#stack = stack;
    this.#prefix = prefix;
    this.#maxSeries = maxSeries;
  }

  /** All gauges are asked in one tick: the first one reads for all. */
  read(): this {
    if (this.#isFresh) return this;
    this.#isFresh = true;
    queueMicrotask(() => (this.#isFresh = false));
    this.refresh();
    return this;
  }

  refresh(): void {
    this.#seen.clear();
    this.#series = 0;
    this.dropped = 0;
    for (const name of this.#values.keys()) this.#values.set(name, []);
    for (const sample of this.#samples()) this.#take(sample);
  }

  #samples(): readonly Sample[] {
    try {
      return walk(this.#stack().describe());
    } catch {
      this.failures++;
      return [];
    }
  }

  #take({ name, layer, labels, value, word }: Sample): void {
    const values = this.#valuesOf(`${this.#prefix}${name}`, layer);
    const key = JSON.stringify([name, labels]);
    if (values === undefined || this.#seen.has(key)) {
      this.dropped++;
      return;
    }
    this.#seen.add(key);
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

  /** `undefined`: there is no room for the name, or somebody else has it. */
  #valuesOf(name: string, layer: string): MetricValue<string>[] | undefined {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    if (this.#values.size >= maxNames || this.#registry.getSingleMetric(name) !== undefined) return undefined;
    this.#values.set(name, []);
    new ReadGauge({
      name,
      help: `From the state of ${layer}`,
      registry: this.#registry,
      // Ages, shares and limits of several processes have no sum.
      aggregator: "max",
      read: () => this.read().#values.get(name) ?? [],
    });
    return this.#values.get(name);
  }
}
