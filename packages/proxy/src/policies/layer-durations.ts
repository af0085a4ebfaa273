import { Histogram, type Registry } from "prom-client";

/** Records how long a layer has waited for something else. */
export type RecordDuration<Result extends string = string> = (result: Result, durationMs: number) => void;

/** Records how long layers wait for others. */
export interface LayerDurations {
  /**
   * @param layer The layer's name.
   * @param results Each has a series, with 0, from the start.
   * @param labels Of the place where it stands.
   * @param atEnd Registers a function to run when the layer is gone, and with it its series, unless
   * another layer shares them.
   */
  of<Result extends string>(
    layer: string,
    results: readonly Result[],
    labels: Readonly<Record<string, string>>,
    atEnd: (run: () => void) => void,
  ): RecordDuration<Result>;
}

/** Exposes `stack_duration_seconds`. */
export function layerDurations(registry: Registry): LayerDurations {
  const histogram = new Histogram({
    name: "stack_duration_seconds",
    help: "How long a layer waited for another service, by result",
    labelNames: ["layer", "result", "listener", "route", "cluster", "endpoint"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  const owners = new Map<string, number>();

  return {
    of(layer, results, labels, atEnd) {
      for (const result of results) {
        const series = { ...labels, layer, result };
        const key = JSON.stringify(series);
        const others = owners.get(key) ?? 0;
        if (others === 0) histogram.zero(series);
        owners.set(key, others + 1);
        atEnd(() => {
          const left = (owners.get(key) as number) - 1;
          owners.set(key, left);
          if (left > 0) return;
          owners.delete(key);
          histogram.remove(series);
        });
      }
      const children = new Map(
        results.map((result) => [result, histogram.labels({ ...labels, layer, result })] as const),
      );
      return (result, durationMs) => children.get(result)?.observe(durationMs / 1_000);
    },
  };
}
