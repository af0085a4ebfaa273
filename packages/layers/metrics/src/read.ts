import { notShown, rangeError } from "@pagoda/core";
import { type Aggregator, Counter, Gauge, type MetricValue, type Registry } from "prom-client";

/** A metric whose values are read when somebody asks. */
export interface ReadConfiguration {
  readonly name: string;
  readonly help: string;
  readonly registry: Registry;
  readonly read: () => MetricValue<string>[];
  /** What prom-client makes of the values of several processes. Default: their sum. */
  readonly aggregator?: Aggregator;
}

/** prom-client keeps values under keys that it builds of the labels; these it takes as they are, which is cheaper. */
export class ReadGauge extends Gauge {
  readonly #read: () => MetricValue<string>[];

  constructor({ name, help, registry, read, aggregator = "sum" }: ReadConfiguration) {
    super({ name, help, registers: [registry], aggregator });
    this.#read = read;
  }

  override async get(): ReturnType<Gauge["get"]> {
    const values = this.#read();
    return { ...(await super.get()), values };
  }
}

/** The same for what only grows. */
export class ReadCounter extends Counter {
  readonly #read: () => MetricValue<string>[];

  constructor({ name, help, registry, read }: ReadConfiguration) {
    super({ name, help, registers: [registry] });
    this.#read = read;
  }

  override async get(): ReturnType<Counter["get"]> {
    const values = this.#read();
    return { ...(await super.get()), values };
  }
}

/**
 * Before anything is registered: half of what belongs together would be of no use.
 *
 * @throws RangeError when the registry has a metric of one of the names.
 */
export function checkFree(who: string, registry: Registry, names: readonly string[]): void {
  const taken = names.find((name) => registry.getSingleMetric(name) !== undefined);
  if (taken !== undefined) throw rangeError(`${who}: registry`, `one without the metric ${taken}`, notShown);
}
