import { httpRequest, type HttpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { type SpanStatus, type Tracer } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { Fault } from "@pagoda/core";
import { type Mock, mockService } from "@pagoda/core/testing";
import { TestBody } from "./test-body.ts";

export interface Refused extends Fault<"Refused"> {
  readonly upstream?: string;
}

/** An SDK that records everything, and its ended spans. */
export function sdk(): { readonly tracer: Tracer; readonly ended: () => ReadableSpan[] } {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  return { tracer: provider.getTracer("test"), ended: () => exporter.getFinishedSpans() };
}

export function mockHttp(): Mock<HttpRequest, HttpResponse, Refused> {
  return mockService<HttpRequest, HttpResponse, Refused>();
}

export const refused: Refused = {
  _tag: "Refused",
  origin: "upstream",
  retryable: true,
  upstream: "http://10.0.0.7:81",
};

export const incoming = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
export const traceId = "0af7651916cd43dd8448eb211c80319c";
export const spanId = "b7ad6b7169203331";

export function get(headers: Readonly<Record<string, string | readonly string[]>> = {}): HttpRequest {
  return httpRequest("http://shop.example/cart?token=secret", {
    headers: { host: "shop.example", ...headers },
  });
}

/** A response whose body the test ends. */
export function streamed(status = 200): { readonly response: HttpResponse; readonly body: TestBody } {
  const body = new TestBody();
  return { response: { ...httpResponse(status), body }, body };
}

/** The compared parts of a span. */
export function summary({ name, status, attributes, events }: ReadableSpan): {
  readonly name: string;
  readonly status: SpanStatus;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly string[];
} {
  return { name, status, attributes, events: events.map((event) => event.name) };
}
