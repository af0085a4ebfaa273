import { percentile, shareWithin } from "./experiment.ts";

export interface Series {
  readonly name: string;
  /** Sorted milliseconds. */
  readonly latencies: Float64Array;
}

const width = 720;
const height = 380;
const left = 64;
const right = 24;
const top = 24;
const bottom = 56;
const leastMs = 100;
const mostMs = 4_000;
/** Up to percentile 99.99. */
const decades = 4;
/** Points of a curve per decade. */
const pointsPerDecade = 40;

const percentiles = [0, 90, 99, 99.9, 99.99];
const ticksMs = [100, 200, 500, 1_000, 2_000];
/**
 * Positions of the names in milliseconds: one below the other, each next to the rise of its curve.
 */
const namesMs = [1_250, 850, 580];

/**
 * Colours that are distinct on white and on black, and dashes for readers who do not see colours.
 */
const style = `
text { font: 13px system-ui, sans-serif; fill: #57606a }
.grid { stroke: #8b949e; stroke-opacity: .3 }
.curve { fill: none; stroke-width: 2.5; stroke-linejoin: round }
.c0 { stroke: #cf4a3c } .n0 { fill: #cf4a3c; font-weight: 600 }
.c1 { stroke: #b7791f; stroke-dasharray: 8 4 } .n1 { fill: #b7791f; font-weight: 600 }
.c2 { stroke: #2f81f7; stroke-dasharray: 2 3 } .n2 { fill: #2f81f7; font-weight: 600 }
@media (prefers-color-scheme: dark) { text { fill: #adb5bd } }
`.trim();

/** Draws latency by percentile, both logarithmic, as an SVG document; deterministic. */
export function plot(all: readonly Series[]): string {
  const title = "Latency by percentile: 11 endpoints, one of them slow for half of the time";
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">`,
    `<title>${title}</title>`,
    `<style>${style}</style>`,
    ...ticksMs.map(horizontal),
    ...percentiles.map(vertical),
    label((left + width - right) / 2, height - 12, "percentile of the calls", "middle"),
    label(left - 48, top - 8, "latency", "start"),
    ...all.map(curve),
    ...all.map(name),
    "</svg>",
  ].join("\n")}\n`;
}

/** @param at Decades to the right: 0 is percentile 0, 1 is 90, 2 is 99. */
function x(at: number): number {
  return left + (at / decades) * (width - left - right);
}

function y(ms: number): number {
  const share = Math.log(ms / leastMs) / Math.log(mostMs / leastMs);
  return height - bottom - share * (height - bottom - top);
}

function horizontal(ms: number): string {
  const text = ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`;
  return `${line(left, y(ms), width - right, y(ms))}${label(left - 8, y(ms) + 4, text, "end")}`;
}

function vertical(value: number, at: number): string {
  const text = label(x(at), height - bottom + 20, String(value), at === decades ? "end" : "middle");
  return `${line(x(at), y(leastMs), x(at), y(mostMs))}${text}`;
}

function curve({ latencies }: Series, number: number): string {
  const points = Array.from({ length: decades * pointsPerDecade + 1 }, (_, n) => {
    const at = n / pointsPerDecade;
    return [x(at), y(percentile(latencies, 1 - 10 ** -at))] as const;
  });
  const path = points.map(([px, py]) => `${round(px)},${round(py)}`).join(" ");
  return `<polyline class="curve c${number}" points="${path}"/>`;
}

function name({ name: text, latencies }: Series, number: number): string {
  const share = shareWithin(latencies, 1_000);
  const at = x(-Math.log10(1 - share)) + 12;
  const ms = namesMs[number % namesMs.length] as number;
  const within = `${(100 * share).toFixed(2)}% within 1 s`;
  return `${label(at, y(ms), text, "start", `n${number}`)}${label(at, y(ms) + 16, within, "start")}`;
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<path class="grid" d="M${round(x1)} ${round(y1)}L${round(x2)} ${round(y2)}"/>`;
}

function label(at: number, from: number, text: string, anchor: string, kind?: string): string {
  const which = kind === undefined ? "" : ` class="${kind}"`;
  return `<text${which} x="${round(at)}" y="${round(from)}" text-anchor="${anchor}">${text}</text>`;
}

/** Rounds to a tenth of a pixel, coarse enough for machines to agree. */
function round(pixels: number): string {
  return String(Number(pixels.toFixed(1)));
}
