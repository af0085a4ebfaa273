import type { Simulation } from "../result.ts";

/** The names of endpoints in scenarios, by what the proxy calls them. */
export function namesOf({ origins }: Simulation): ReadonlyMap<string, string> {
  return new Map(origins.map(({ name, endpoint }) => [endpoint, name]));
}

/** The facts of a log line: `shop[1]: consecutive-failures, forMs 30000`. */
export function factsText(
  { endpoint, cluster, reason, ...rest }: Readonly<Record<string, unknown>>,
  names: ReadonlyMap<string, string>,
): string {
  const subject = typeof endpoint === "string" ? (names.get(endpoint) ?? endpoint) : cluster;
  const facts = [
    ...(reason === undefined ? [] : [String(reason)]),
    ...Object.entries(rest).map(([name, value]) => `${name} ${factText(value)}`),
  ];
  return [subject, facts.join(", ")].filter((part) => part !== undefined && part !== "").join(": ");
}

function factText(value: unknown): string {
  if (typeof value === "number") return String(Math.round(value * 1_000) / 1_000);
  return typeof value === "string" ? value : JSON.stringify(value);
}
