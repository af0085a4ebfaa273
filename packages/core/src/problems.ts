import { redactUrl } from "./redact-url.ts";

/**
 * Formats any value as JSON for a message, cut at `maxLength` characters. The value may be deep,
 * cyclic, huge, or not JSON at all. URLs in it are shown without passwords and queries.
 *
 * Cost: grows with what is shown, not with the size of the value.
 */
export function formatValue(value: unknown, maxLength: number = 60): string {
  let text = "";

  function write(part: unknown, depth: number): void {
    if (typeof part === "string") text += quoted(part);
    else if (typeof part === "function" || typeof part === "symbol") text += typeof part;
    else if (typeof part !== "object" || part === null) text += String(part);
    else if (depth >= maxDepth) text += "…";
    else if (Array.isArray(part)) list("[", part, "]", (each) => write(each, depth + 1));
    else
      list("{", Object.keys(part), "}", (name) => {
        text += `${quoted(name)}:`;
        write((part as Record<string, unknown>)[name], depth + 1);
      });
  }

  function quoted(part: string): string {
    const url = redactUrl(part.slice(0, maxUrlLength));
    return JSON.stringify(url.slice(0, maxLength + 1));
  }

  function list<T>(begin: string, parts: readonly T[], end: string, each: (part: T) => void): void {
    text += begin;
    for (let at = 0; at < parts.length; at++) {
      if (text.length > maxLength) return;
      if (at > 0) text += ",";
      each(parts[at] as T);
    }
    text += end;
  }

  if (value === undefined) return "missing";
  write(value, 0);
  return text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
}

/** Strings are cut to this length before passwords are removed from their URLs. */
const maxUrlLength = 4_096;
/** Deeper levels are left out. */
const maxDepth = 16;

/** Returns the first `most` lines and how many more there are. */
export function firstLines(lines: readonly string[], most: number = 100): readonly string[] {
  if (lines.length <= most) return lines;
  return [...lines.slice(0, most), `and ${(lines.length - most).toLocaleString("en")} more`];
}
