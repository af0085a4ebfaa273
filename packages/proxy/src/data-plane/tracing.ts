import type { Tracer } from "@opentelemetry/api";
import type { clientSpan, serverSpan } from "@pagoda/tracing";

/**
 * A tracer and the layers that use it. OpenTelemetry is loaded only if the configuration enables
 * tracing.
 */
export interface Tracing {
  readonly tracer: Tracer;
  readonly clientSpan: typeof clientSpan;
  readonly serverSpan: typeof serverSpan;
}
