import { HttpHeaders, sameName } from "@pagoda/http";
import {
  type Context,
  propagation,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
} from "@opentelemetry/api";
import { traceContext } from "./trace-context.ts";

/** Lets a propagator read fields; repeated ones as a list. */
export const fieldGetter: TextMapGetter<HttpHeaders> = {
  keys: (headers) => Array.from(headers, ([name]) => name.toLowerCase()),
  get(headers, name) {
    const values = headers.all(name);
    return values.length > 1 ? [...values] : values[0];
  },
};

/** Collects the fields a propagator writes, alternating names and values. */
const fieldSetter: TextMapSetter<string[]> = {
  set(fields, name, value) {
    fields.push(name, value);
  },
};

/**
 * Returns the given propagator, or the one registered with the API (possibly late), or W3C trace
 * context.
 */
export function propagatorOf(given: TextMapPropagator | undefined): TextMapPropagator {
  if (given !== undefined) return given;
  return propagation.fields().length > 0 ? propagation : traceContext;
}

const w3c = ["traceparent", "tracestate", "baggage"];

/**
 * Injects a context into fields, replacing all fields of the propagator. An empty context changes
 * nothing, and one without baggage keeps existing baggage.
 */
export function injected(headers: HttpHeaders, context: Context, propagator: TextMapPropagator): HttpHeaders {
  const fields: string[] = [];
  propagator.inject(context, fields, fieldSetter);
  if (fields.length === 0) return headers;
  const replaced = propagator.fields().filter((name) => name !== "baggage");
  for (let i = 0; i < fields.length; i += 2) replaced.push(fields[i] as string);
  return new HttpHeaders([...others(headers, replaced), ...fields]);
}

/** Removes fields that carry a trace or baggage. */
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
