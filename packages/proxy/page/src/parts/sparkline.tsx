import { rate } from "../format.ts";

const width = 96;
const height = 22;

interface SparklineProps {
  readonly values: readonly number[];
  /** Steps of the whole width; what is missing at the start is left empty. */
  readonly steps: number;
}

/** Calls per second of the last 15 minutes. The numbers beside it say how many there are now. */
export function Sparkline({ values, steps }: SparklineProps) {
  const most = Math.max(...values, 0);
  const label = `last 15 minutes: at most ${rate(most)}`;
  const x = (n: number): number => width - ((values.length - 1 - n) * width) / Math.max(1, steps - 1);
  const y = (value: number): number => height - 1 - (most === 0 ? 0 : (value / most) * (height - 2));
  const points = values.map((value, n) => `${x(n).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      role="img"
      aria-label={label}
    >
      <polyline points={points} />
    </svg>
  );
}
