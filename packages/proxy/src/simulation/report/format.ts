/** `99.93%`, with as many digits as distinguish it from 100%, up to four. */
export function percentText(ratio: number): string {
  if (Number.isNaN(ratio)) return "none";
  const percent = ratio * 100;
  for (const digits of [1, 2, 3]) {
    const text = percent.toFixed(digits);
    if (percent === 100 || Number(text) < 100) return `${Number(text)}%`;
  }
  // Rounded down: not all is not 100%.
  return `${Math.floor(percent * 10_000) / 10_000}%`;
}

/** Milliseconds as `4.2ms` or `1.25s`. */
export function msText(ms: number): string {
  if (Number.isNaN(ms)) return "none";
  return ms < 1_000 ? `${Number(ms.toPrecision(3))}ms` : secondsText(ms);
}

/** Milliseconds as `61.25s`. */
export function secondsText(ms: number): string {
  return `${Number((ms / 1_000).toFixed(ms < 10_000 ? 2 : 1))}s`;
}

export function numberText(value: number): string {
  return Number.isNaN(value) ? "none" : String(Number(value.toFixed(4)));
}

/** `120,000` */
export function countText(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ",");
}
