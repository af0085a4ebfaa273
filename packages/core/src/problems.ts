import { redactUrl } from "./redact-url.ts";

/**
 * Formats any value as JSON for a message, cut at `maxLength` characters. The value may be deep,
 * cyclic, huge, or not JSON at all. URLs in it are shown without passwords and queries.
 *
 * Cost: grows with what is shown, not with the size of the value.
 */
export function formatValue(value: unknown, maxLength: number = 60): string {
  if (value === undefined) return "missing";
  const writer = new Writer(maxLength);
  writer.write(value, 0);
  return writer.text.length > maxLength ? `${writer.text.slice(0, maxLength)}…` : writer.text;
}

/** Strings are cut to this length before passwords are removed from their URLs. */
const maxUrlLength = 4_096;
/** Deeper levels are left out. */
const maxDepth = 16;

class Writer {
  text = "";
  readonly #maxLength: number;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  write(value: unknown, depth: number): void {
    if (typeof value === "string") this.text += this.#string(value);
    else if (typeof value !== "object" || value === null)
      this.text += typeof value === "function" || typeof value === "symbol" ? typeof value : String(value);
    else if (depth >= maxDepth) this.text += "…";
    else if (Array.isArray(value)) this.#list("[", value, "]", (each) => this.write(each, depth + 1));
    else
      this.#list("{", Object.keys(value), "}", (name) => {
        this.text += `${this.#string(name)}:`;
        this.write((value as Record<string, unknown>)[name], depth + 1);
      });
  }

  #string(value: string): string {
    const url = redactUrl(value.slice(0, maxUrlLength));
    return JSON.stringify(url.slice(0, this.#maxLength + 1));
  }

  #list<T>(begin: string, parts: readonly T[], end: string, each: (part: T) => void): void {
    this.text += begin;
    for (let at = 0; at < parts.length; at++) {
      if (this.text.length > this.#maxLength) return;
      if (at > 0) this.text += ",";
      each(parts[at] as T);
    }
    this.text += end;
  }
}

/** Returns the first `most` lines and how many more there are. */
export function firstLines(lines: readonly string[], most: number = 100): readonly string[] {
  if (lines.length <= most) return lines;
  return [...lines.slice(0, most), `and ${(lines.length - most).toLocaleString("en")} more`];
}
