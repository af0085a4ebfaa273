import { notShown, rangeError } from "@pagoda/core";
import { type Aggregator, Counter, Gauge, type MetricValue, type Registry } from "prom-client";

/** A metric whose values are read on scrapes. */
export interface ReadConfiguration {
  readonly name: string;
  readonly help: string;
  readonly registry: Registry;
  readonly read: () => MetricValue<string>[] | Promise<MetricValue<string>[]>;
  /** How prom-client aggregates several processes. Default: sum. */
  readonly aggregator?: Aggregator;
}

/**
 * A gauge that hands its values to prom-client unchanged. Storing them would build a key of the
 * labels each time.
 */
export class ReadGauge extends Gauge {
  readonly #read: ReadConfiguration["read"];

  constructor({ name, help, registry, read, aggregator = "sum" }: ReadConfiguration) {
    super({ name, help, registers: [registry], aggregator });
    this.#read = read;
  }

  override async get(): ReturnType<Gauge["get"]> {
    const values = await this.#read();
    return { ...(await super.get()), values };
  }
}

/** The same as a counter. */
export class ReadCounter extends Counter {
  readonly #read: ReadConfiguration["read"];

  constructor({ name, help, registry, read }: ReadConfiguration) {
    super({ name, help, registers: [registry] });
    this.#read = read;
  }

  override async get(): ReturnType<Counter["get"]> {
    const values = await this.#read();
    return { ...(await super.get()), values };
  }
}

/**
 * Checks all names before any is registered, so that a failure leaves no metric behind.
 *
 * @throws RangeError if the registry already has a metric of one of the names.
 */
export function checkFree(factory: string, registry: Registry, names: readonly string[]): void {
  const taken = names.find((name) => registry.getSingleMetric(name) !== undefined);
  if (taken !== undefined)
    throw rangeError(`${factory}: registry`, `one without the metric ${taken}`, notShown);
}
