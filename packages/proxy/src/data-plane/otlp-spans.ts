import { type Clock, pause, redactUrl } from "@pagoda/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { clientSpan, serverSpan } from "@pagoda/tracing";
import type { Logger } from "pino";
import type { Config } from "../config/schema/config.ts";
import type { Tracing } from "./tracing.ts";

/**
 * Time limit for the last spans, since a hanging collector must not delay the end of the program.
 */
const lastMs = 2_000;

/** Starts spans and exports them. */
export interface SentSpans {
  readonly tracing: Tracing;
  /** Exports the ended spans and stops. */
  close(): Promise<void>;
}

/** Exports spans to a collector, as OTLP over HTTP. */
export function otlpSpans(
  { endpoint, ratio, service }: NonNullable<Config["tracing"]>,
  log: Logger,
  clock: Clock,
): SentSpans {
  // Its own sender, not undici: it knows OTLP's rules for retries.
  const exporter = new LoggingExporter(
    new OTLPTraceExporter({ url: endpoint }),
    log.child({ endpoint: redactUrl(endpoint) }),
  );
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": service }),
    // A trace that began elsewhere keeps the sampling decision made there.
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
  return {
    tracing: { tracer: provider.getTracer("pagoda"), clientSpan, serverSpan },
    async close() {
      const over = new AbortController();
      // The reason for the failure has been logged.
      const sent = provider.shutdown().catch(() => {});
      await Promise.race([sent, pause(clock, lastMs, over.signal)]);
      over.abort();
    },
  };
}

/** Logs when exporting spans starts to fail, and when it works again. */
export class LoggingExporter implements SpanExporter {
  readonly #inner: SpanExporter;
  readonly #log: Logger;
  #hasFailed = false;

  constructor(inner: SpanExporter, log: Logger) {
    this.#inner = inner;
    this.#log = log;
  }

  export(...[spans, done]: Parameters<SpanExporter["export"]>): void {
    this.#inner.export(spans, (result) => {
      const failed = result.code !== 0;
      if (failed && !this.#hasFailed)
        this.#log.warn({ err: result.error }, "exporting spans failed; dropping them");
      if (!failed && this.#hasFailed) this.#log.info("exporting spans again");
      this.#hasFailed = failed;
      done(result);
    });
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }

  forceFlush(): Promise<void> {
    return this.#inner.forceFlush?.() ?? Promise.resolve();
  }
}
