import { secondsText } from "./format.ts";

/** A line of a chart: a value for each step, null where there is none. */
export interface Line {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

export interface Chart {
  readonly title: string;
  readonly stepMs: number;
  readonly lines: readonly Line[];
  /** The highest value of the axis. */
  readonly max: number;
  readonly text: (value: number) => string;
}

const width = 560;
const height = 170;
const left = 56;
const right = 8;
const top = 10;
const bottom = 22;
/** Lines that can be told apart. */
export const maxLines = 8;

/** Escapes text for HTML and SVG. */
export function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** Draws lines over time, with a legend. */
export function lineChart({ title, stepMs, lines, max, text }: Chart): string {
  const steps = Math.max(1, ...lines.map(({ values }) => values.length));
  const x = (step: number): string => round(left + ((step + 0.5) / steps) * (width - left - right));
  const y = (value: number): string =>
    round(height - bottom - (value / (max || 1)) * (height - top - bottom));
  const levels = [0, 0.5, 1].map((share) => share * max);
  return figure(
    title,
    svg(title, height, [
      ...levels.map(
        (level) =>
          `<path class="grid" d="M${left} ${y(level)}H${width - right}"/>${label(left - 6, Number(y(level)) + 4, text(level), "end")}`,
      ),
      ...times(steps, stepMs, height),
      ...lines
        .slice(0, maxLines)
        .map(({ values }, at) => `<path class="line c${at}" d="${pathOf(values, x, y)}"/>`),
    ]),
    lines.slice(0, maxLines).map(({ name }) => name),
    lines.length - maxLines,
  );
}

/** A new sub-path after each gap. */
function pathOf(values: Line["values"], x: (step: number) => string, y: (value: number) => string): string {
  let isOpen = false;
  return values
    .map((value, step) => {
      if (value === null) {
        isOpen = false;
        return "";
      }
      const point = `${isOpen ? "L" : "M"}${x(step)} ${y(value)}`;
      isOpen = true;
      return point;
    })
    .join("");
}

/** What something was doing in each step; empty if nothing was unusual. */
export interface Row {
  readonly name: string;
  readonly states: readonly string[];
}

const rowHeight = 16;

/** Draws a bar for each row wherever its state is unusual, with the state as a tooltip. */
export function stateChart(title: string, stepMs: number, rows: readonly Row[]): string {
  const steps = Math.max(1, ...rows.map(({ states }) => states.length));
  const high = rows.length * rowHeight + top + bottom;
  const at = (step: number): number => left + (step / steps) * (width - left - right);
  return figure(
    title,
    svg(title, high, [
      ...rows.flatMap(({ name, states }, n) => {
        const y = top + n * rowHeight;
        return [
          label(left - 6, y + 11, name, "end"),
          ...runsOf(states).map(
            ({ from, to, state }) =>
              `<rect class="${kindOf(state)}" x="${round(at(from))}" y="${y + 2}" width="${round(at(to) - at(from))}" height="${rowHeight - 4}"><title>${escaped(state === "" ? "in order" : state)}</title></rect>`,
          ),
        ];
      }),
      ...times(steps, stepMs, high),
    ]),
    [],
    0,
  );
}

function kindOf(state: string): string {
  if (state === "") return "fine";
  return /ejected|circuit open|health-check|gone/.test(state) ? "out" : "doubtful";
}

/** Neighbours of the same kind as one. */
function runsOf(states: readonly string[]): { from: number; to: number; state: string }[] {
  const runs: { from: number; to: number; state: string }[] = [];
  states.forEach((state, step) => {
    const last = runs.at(-1);
    if (last !== undefined && kindOf(last.state) === kindOf(state)) last.to = step + 1;
    else runs.push({ from: step, to: step + 1, state });
  });
  return runs;
}

function times(steps: number, stepMs: number, high: number): readonly string[] {
  return [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const x = left + share * (width - left - right);
    const anchor = share === 0 ? "start" : share === 1 ? "end" : "middle";
    return label(x, high - 6, secondsText(share * steps * stepMs), anchor);
  });
}

function svg(title: string, high: number, parts: readonly string[]): string {
  return `<svg viewBox="0 0 ${width} ${high}" role="img" aria-label="${escaped(title)}">${parts.join("")}</svg>`;
}

function figure(title: string, drawing: string, names: readonly string[], more: number): string {
  const legend = names.map((name, at) => `<span class="k${at}">${escaped(name)}</span>`);
  if (more > 0) legend.push(`<span>and ${more} more</span>`);
  return `<figure><figcaption>${escaped(title)}</figcaption>${drawing}<p class="legend">${legend.join(" ")}</p></figure>`;
}

function label(x: number, y: number, text: string, anchor: string): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escaped(text)}</text>`;
}

/** To a tenth of a pixel, which is coarse enough for machines to agree. */
function round(pixels: number): string {
  return String(Number(pixels.toFixed(1)));
}
