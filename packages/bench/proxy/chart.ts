/** A bar of a chart, made of two parts. */
export interface Bar {
  readonly label: string;
  readonly userUs: number;
  readonly kernelUs: number;
  /** Compared with the first proxy. */
  readonly note: string;
  readonly isOurs: boolean;
}

const width = 760;
const labelWidth = 250;
const noteWidth = 110;
const barHeight = 18;
const rowHeight = 26;
const top = 56;
const colours = { ours: ["#1f6f5c", "#7fbfae"], others: ["#4a5a78", "#aab6cc"] } as const;

/** An SVG with a horizontal bar for each proxy: CPU time per request, user and kernel. */
export function chart(title: string, subtitle: string, bars: readonly Bar[]): string {
  const longest = Math.max(...bars.map(({ userUs, kernelUs }) => userUs + kernelUs));
  const scale = (width - labelWidth - noteWidth) / longest;
  const height = top + bars.length * rowHeight + 12;
  const rows = bars.map((bar, i) => row(bar, top + i * rowHeight, scale));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="13">
<rect width="${width}" height="${height}" fill="#ffffff"/>
<text x="12" y="22" font-size="15" font-weight="600" fill="#1a1a1a">${escape(title)}</text>
<text x="12" y="41" fill="#555555">${escape(subtitle)}</text>
${rows.join("\n")}
</svg>
`;
}

function row({ label, userUs, kernelUs, note, isOurs }: Bar, y: number, scale: number): string {
  const [user, kernel] = isOurs ? colours.ours : colours.others;
  const middle = y + barHeight - 5;
  const text = (x: number, anchor: string, what: string): string =>
    `<text x="${x.toFixed(1)}" y="${middle}" text-anchor="${anchor}" fill="#1a1a1a"${isOurs ? ' font-weight="600"' : ""}>${escape(what)}</text>`;
  const part = (x: number, us: number, fill: string): string =>
    `<rect x="${x.toFixed(1)}" y="${y}" width="${(us * scale).toFixed(1)}" height="${barHeight}" fill="${fill}"/>`;
  const end = labelWidth + (userUs + kernelUs) * scale;
  return [
    text(labelWidth - 8, "end", label),
    part(labelWidth, userUs, user),
    part(labelWidth + userUs * scale, kernelUs, kernel),
    text(end + 6, "start", note),
  ].join("");
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
