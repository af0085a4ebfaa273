/** Values as text, with their units. Unknown values are a dash. */

export const unknown = "–";

/** `3.4/s`. */
export function rate(perSecond: number): string {
  if (perSecond === 0) return "0/s";
  return `${perSecond < 0.1 ? "< 0.1" : number(perSecond)}/s`;
}

/** `12`, `3.4`, `12,345`: at most one decimal place, and only below 10. */
export function number(value: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 10 ? 1 : 0 });
}

/** `12 ms`, `1.5 s`, `≥ 10 s`. */
export function latency(ms: number | null, slowestMs: number = Infinity): string {
  if (ms === null) return unknown;
  return `${ms >= slowestMs ? "≥ " : ""}${milliseconds(ms)}`;
}

export function milliseconds(ms: number): string {
  if (ms >= 10_000) return duration(ms);
  return ms >= 1_000 ? `${number(ms / 1_000)} s` : `${number(ms)} ms`;
}

/** `45 s`, `3 min`, `2 h 5 min`, `3 days`: the two largest units of what has passed at least. */
export function duration(ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return joined(minutes, "min", minutes < 10 ? seconds % 60 : 0, "s");
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return joined(hours, "h", minutes % 60, "min");
  const days = Math.floor(hours / 24);
  return joined(days, days === 1 ? "day" : "days", days < 10 ? hours % 24 : 0, "h");
}

function joined(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return `${large} ${largeUnit}${small === 0 ? "" : ` ${small} ${smallUnit}`}`;
}

/** `in 12 s`, `3 min ago`, `now`. */
export function relative(time: number, now: number): string {
  const ms = time - now;
  if (Math.abs(ms) < 1_000) return "now";
  return ms > 0 ? `in ${duration(ms)}` : `${duration(-ms)} ago`;
}

/** `14:03:22`, or `2026-11-30 14:03` on another day than now; UTC, as in logs. */
export function clockTime(time: number, now: number): string {
  const iso = new Date(time).toISOString();
  const isToday = iso.slice(0, 10) === new Date(now).toISOString().slice(0, 10);
  return isToday ? iso.slice(11, 19) : `${iso.slice(0, 10)} ${iso.slice(11, 16)}`;
}

export function date(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** `12%`, `0.4%`. */
export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.1) return "< 0.1%";
  return `${number(value)}%`;
}

/** `120 MB`. */
export function bytes(value: number): string {
  if (value < 1_000) return `${value} B`;
  if (value < 1_000_000) return `${number(value / 1_000)} kB`;
  return value < 1_000_000_000 ? `${number(value / 1_000_000)} MB` : `${number(value / 1_000_000_000)} GB`;
}

/** `1 endpoint`, `2 endpoints`. */
export function count(value: number, one: string, several: string = `${one}s`): string {
  return `${number(value)} ${value === 1 ? one : several}`;
}

/** `2 valid, 1 expired`: how often each occurs, the most frequent first. */
export function statesText(states: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const state of states) counts.set(state, (counts.get(state) ?? 0) + 1);
  if (counts.size === 0) return "none";
  return Array.from(counts)
    .toSorted(([, one], [, other]) => other - one)
    .map(([state, times]) => `${number(times)} ${state}`)
    .join(", ");
}

/** `workers 0 and 2`. */
export function workers(numbers: readonly number[]): string {
  if (numbers.length === 1) return `worker ${numbers[0]}`;
  return `workers ${numbers.slice(0, -1).join(", ")} and ${numbers.at(-1)}`;
}

/** A field of a layer's state, with the unit in its name: `retryAfterMs: 1500` is `retry after 1.5 s`. */
export function field(name: string, value: unknown): string {
  const [, stem = name, unit] = /^(.*?)(Ms|PerSecond|Bytes|Ratio|Share)?$/.exec(name) ?? [];
  const words = stem.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, " ").toLowerCase();
  if (value === true) return words;
  if (value === false) return `not ${words}`;
  if (typeof value !== "number")
    return `${words} ${typeof value === "string" ? value : JSON.stringify(value)}`;
  switch (unit) {
    case "Ms":
      return `${words} ${milliseconds(value)}`;
    case "PerSecond":
      return `${words} ${rate(value)}`;
    case "Bytes":
      return `${words} ${bytes(value)}`;
    case "Ratio":
    case "Share":
      return `${words} ${percent(value)}`;
    default:
      return `${words} ${number(value)}`;
  }
}
