import { type Clock, systemClock } from "@pagoda/core";
import type { Logger } from "pino";
import type { Config } from "../config/schema/config.ts";
import type { Tracing } from "./tracing.ts";

/** Begins spans, and sends them to where the configuration says. */
export interface Spans {
  readonly settings: string;
  /** `undefined` where nobody wants spans: then requests do not pay for them. */
  readonly tracing: Tracing | undefined;
  /** Sends what has ended, and nothing from then on. */
  close(): Promise<void>;
}

/** Where nobody wants any. */
export const noSpans: Spans = {
  settings: JSON.stringify(null),
  tracing: undefined,
  close: () => Promise.resolve(),
};

/** Those that there are, where the configuration says the same. */
export async function spansOf(
  tracing: Config["tracing"],
  log: Logger,
  before: Spans,
  clock: Clock = systemClock,
): Promise<Spans> {
  const settings = JSON.stringify(tracing ?? null);
  if (before.settings === settings) return before;
  if (tracing === undefined) return noSpans;
  // It takes several megabytes in each worker, which only those pay who use it.
  const { otlpSpans } = await import("./otlp-spans.ts");
  return { settings, ...otlpSpans(tracing, log, clock) };
}
