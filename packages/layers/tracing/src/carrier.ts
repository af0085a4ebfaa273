import { HttpHeaders, sameName } from "@pagoda/http";
import {
  type Context,
  propagation,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
} from "@opentelemetry/api";
import { traceContext } from "./trace-context.ts";

/** How a propagator reads a message's fields; several of one name come as a list. */
export const fieldGetter: TextMapGetter<HttpHeaders> = {
  keys: (headers) => Array.from(headers, ([name]) => name.toLowerCase()),
  get(headers, name) {
    const values = headers.all(name);
    return values.length > 1 ? [...values] : values[0];
  },
};

/** Takes what a propagator writes: names and values in turns. */
const fieldSetter: TextMapSetter<string[]> = {
  set(fields, name, value) {
    fields.push(name, value);
  },
};

/** The one that was given, else the one registered with the API, which may happen late, else W3C's trace context. */
export function propagatorOf(given: TextMapPropagator | undefined): TextMapPropagator {
  if (given !== undefined) return given;
  return propagation.fields().length > 0 ? propagation : traceContext;
}

const w3c = ["traceparent", "tracestate", "baggage"];

/**
 * The fields with those of a context, which replace all that the propagator might have written before. A context that
 * has nothing to say changes nothing, and one without baggage leaves the baggage that stands there.
 */
export function injected(headers: HttpHeaders, context: Context, propagator: TextMapPropagator): HttpHeaders {
  const fields: string[] = [];
  propagator.inject(context, fields, fieldSetter);
  if (fields.length === 0) return headers;
  const replaced = propagator.fields().filter((name) => name !== "baggage");
  for (let i = 0; i < fields.length; i += 2) replaced.push(fields[i] as string);
  return new HttpHeaders([...others(headers, replaced), ...fields]);
}

/** The fields without those that carry a trace or baggage. */
export function untraced(headers: HttpHeaders, propagator: TextMapPropagator): HttpHeaders {
  const raw = others(headers, [...w3c, ...propagator.fields()]);
  return raw.length === headers.raw.length ? headers : new HttpHeaders(raw);
}

function others({ raw }: HttpHeaders, names: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (!isAmong(names, name)) kept.push(name, raw[i + 1] as string);
  }
  return kept;
}

function isAmong(names: readonly string[], name: string): boolean {
  for (const each of names) if (sameName(each, name)) return true;
  return false;
}
