import type { Tracer } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { Config } from "../config/schema/config.ts";

/** Begins spans, and sends them to where the configuration says. */
export interface Spans {
  readonly settings: string;
  /** `undefined` where nobody wants spans: then requests do not pay for them. */
  readonly tracer: Tracer | undefined;
  /** Sends what has ended, and nothing from then on. */
  close(): Promise<void>;
}

/** Those that there are, where the configuration says the same. */
export function spansOf(tracing: Config["tracing"], before?: Spans): Spans {
  const settings = JSON.stringify(tracing ?? null);
  if (before?.settings === settings) return before;
  if (tracing === undefined) return { settings, tracer: undefined, close: () => Promise.resolve() };
  const { endpoint, ratio, service } = tracing;
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": service }),
    // A trace that began elsewhere is recorded where it was there.
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: endpoint }) })],
  });
  return { settings, tracer: provider.getTracer("pagoda"), close: () => provider.shutdown() };
}
