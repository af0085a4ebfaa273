import type { Expected } from "../scenario/schema.ts";
import { charts } from "./charts.ts";
import { countText, percentText, secondsText } from "./format.ts";
import { measurements } from "./measurements.ts";
import { factsText, namesOf } from "./names.ts";
import { escaped } from "./svg.ts";
import { type Column, spreadText } from "./text.ts";

const style = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; padding: 0 1rem; max-width: 76rem; color: #1f2328; background: #fff }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: 2rem }
table { border-collapse: collapse } td, th { padding: .15rem .9rem .15rem 0; text-align: right } td:first-child, th:first-child, .timeline + table :last-child { text-align: left }
figure { margin: 1rem 0 } figcaption { font-weight: 600 } svg { width: 100%; height: auto }
text { font: 11px system-ui, sans-serif; fill: #57606a } .grid { stroke: #8b949e; stroke-opacity: .35 } .line { fill: none; stroke-width: 1.8; stroke-linejoin: round }
.legend { margin: 0; font-size: 13px } .legend span { margin-right: .8rem } .unmet { color: #cf222e; font-weight: 600 }
.fine { fill: #2da44e; fill-opacity: .25 } .doubtful { fill: #d4a72c } .out { fill: #82071e }
.c0 { stroke: #1a7f37 } .c1 { stroke: #cf222e } .c2 { stroke: #0969da } .c3 { stroke: #bf8700 } .c4 { stroke: #8250df } .c5 { stroke: #1b7c83 } .c6 { stroke: #bc4c00 } .c7 { stroke: #6e7781 }
.k0 { color: #1a7f37 } .k1 { color: #cf222e } .k2 { color: #0969da } .k3 { color: #9a6700 } .k4 { color: #8250df } .k5 { color: #1b7c83 } .k6 { color: #bc4c00 } .k7 { color: #6e7781 }
@media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117 } text { fill: #adb5bd } }
`.trim();

/** The report as one HTML document that needs nothing else. Charts show the first run. */
export function htmlReport(columns: readonly Column[], expected: Expected, unmet: readonly string[]): string {
  const firsts = columns.map(({ runs }) => runs[0]);
  const head = ["", ...columns.map(({ title }) => title)];
  const rows = [
    ["requests", ...firsts.map(({ requests }) => countText(requests))],
    ...measurements.map(({ field, title, of, text }) =>
      [`${title}${expected[field] === undefined ? "" : `, expected ${expected[field].text}`}`].concat(
        columns.map(({ runs }) => spreadText(runs.map(of), text)),
      ),
    ),
  ];
  return `${[
    "<!doctype html>",
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    `<title>pagoda simulate</title><style>${style}</style></head><body>`,
    "<h1>pagoda simulate</h1>",
    table(head, rows),
    ...unmet.map((line) => `<p class="unmet">${escaped(line)}</p>`),
    "<main>",
    ...columns.map((column, at) => section(column, firsts, at)),
    "</main></body></html>",
  ].join("\n")}\n`;
}

function section({ title, runs, notes }: Column, firsts: readonly Column["runs"][0][], at: number): string {
  const first = firsts[at] as Column["runs"][0];
  const names = namesOf(first);
  const total = first.origins.reduce((sum, { calls }) => sum + calls, 0);
  return [
    `<section><h2>${escaped(title)}</h2>`,
    `<p>Seed ${first.seed}${runs.length > 1 ? ` of ${runs.length}` : ""}, digest ${first.digest}</p>`,
    ...notes.map((note) => `<p>Note: ${escaped(note)}</p>`),
    ...charts(first, firsts),
    table(
      ["origin", "calls", "share", "most at once", "most queued"],
      first.origins.map(({ name, calls, mostWorking, mostQueued }) => [
        name,
        countText(calls),
        percentText(total === 0 ? NaN : calls / total),
        countText(mostWorking),
        countText(mostQueued),
      ]),
    ),
    '<h3 class="timeline">Timeline</h3>',
    table(
      ["event", "at", "what"],
      first.timeline.map(({ atMs, message, facts }) => [message, secondsText(atMs), factsText(facts, names)]),
    ),
    "</section>",
  ].join("\n");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join("")}</tr>`;
  return `<table>${row(head, "th")}${rows.map((cells) => row(cells, "td")).join("")}</table>`;
}
