import type { Fault } from "./fault.ts";
import { formatValue } from "./problems.ts";
import { redactUrl } from "./redact-url.ts";

/** Causes of causes that are named. */
const maxCauses = 4;

/**
 * Describes an error of a service in a sentence for the programmer: its tag in words, its upstream,
 * its numbers and texts, and its cause. URLs are shown without credentials and queries. For logs and the
 * messages of exceptions, never for clients.
 *
 * @example faultText(result.left) // `connect failed at http://10.0.0.7 (code "ECONNREFUSED"): connect ECONNREFUSED 10.0.0.7:80`
 */
export function faultText(error: unknown): string {
  return (
    textOf(error, maxCauses) ??
    `the service answered with ${error === undefined ? "undefined" : formatValue(error)}`
  );
}

function textOf(error: unknown, causes: number): string | undefined {
  if (error instanceof Error) return redactUrl(error.message || error.name);
  const { _tag: tag, origin: _origin, upstream, cause, ...rest } = (error ?? {}) as Partial<Fault>;
  if (typeof tag !== "string") return undefined;
  const facts = Object.entries(rest)
    .filter(([, value]) => typeof value === "number" || typeof value === "string")
    .map(([name, value]) => `${name} ${formatValue(value)}`);
  const words = tag.replaceAll(/(?<=[a-z\d])(?=[A-Z])/g, " ").toLowerCase();
  return (
    words +
    (upstream === undefined ? "" : ` at ${redactUrl(upstream)}`) +
    (facts.length === 0 ? "" : ` (${facts.join(", ")})`) +
    (cause === undefined || causes === 0 ? "" : `: ${textOf(cause, causes - 1) ?? formatValue(cause)}`)
  );
}
