import type { LiveValue } from "../../src/live/snapshot.ts";

/** `attempts: 3, budget: { ratio: 0.2 }`. */
export function settingsText(value: LiveValue): string {
  const text = valueText(value);
  return text.startsWith("{ ") ? text.slice(2, -2) : text;
}

function valueText(value: LiveValue): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return `[${value.map(valueText).join(", ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  const fields = Object.entries(value).map(([name, each]) => `${name}: ${valueText(each)}`);
  return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
}
