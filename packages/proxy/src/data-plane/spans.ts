import { type Clock, systemClock } from "@pagoda/core";
import type { Logger } from "pino";
import type { Config } from "../config/schema/config.ts";
import type { Tracing } from "./tracing.ts";

/** Starts spans and exports them to the configured collector. */
export interface Spans {
  readonly settings: string;
  /** Undefined without tracing, so that requests do not pay for it. */
  readonly tracing: Tracing | undefined;
  /** Exports the ended spans and stops. */
  close(): Promise<void>;
}

/** Tracing is off. */
export const noSpans: Spans = {
  settings: JSON.stringify(null),
  tracing: undefined,
  close: () => Promise.resolve(),
};

/** Keeps the current exporter if its configuration is unchanged. */
export async function spansOf(
  tracing: Config["tracing"],
  log: Logger,
  before: Spans,
  clock: Clock = systemClock,
): Promise<Spans> {
  const settings = JSON.stringify(tracing ?? null);
  if (before.settings === settings) return before;
  if (tracing === undefined) return noSpans;
  // Loading it takes several megabytes in each worker, paid only with tracing.
  const { otlpSpans } = await import("./otlp-spans.ts");
  return { settings, ...otlpSpans(tracing, log, clock) };
}
