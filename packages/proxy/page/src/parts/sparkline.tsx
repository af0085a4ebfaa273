import type { LiveHistory, LiveSeries } from "../../../src/live/snapshot.ts";
import { rate } from "../format.ts";
import { highest, knownSteps } from "../history.ts";

const width = 96;
const height = 20;

interface SparklineProps {
  readonly series: LiveSeries | undefined;
  /** All sparklines begin where the first series does, so that rows can be compared. */
  readonly history: LiveHistory | undefined;
}

/** Calls per second of the last 15 minutes, and those that failed. The numbers beside it say how many there are now. */
export function Sparkline({ series, history }: SparklineProps) {
  if (series === undefined || history === undefined || series.perSecond.length < 2) return null;
  const { perSecond, failedPerSecond } = series;
  const most = highest(perSecond) ?? 0;
  const failed = highest(failedPerSecond) ?? 0;
  const label = `last 15 minutes: at most ${rate(most)}${failed > 0 ? `, ${rate(failed)} failed` : ""}`;
  const steps = knownSteps(history);
  const x = (n: number): string => (width - ((perSecond.length - 1 - n) * width) / (steps - 1)).toFixed(1);
  const y = (value: number): string =>
    (height - 1 - (most === 0 ? 0 : (value / most) * (height - 2))).toFixed(1);
  // Steps without failures are not a red line.
  const points = (values: readonly number[], nothing = y(0)): string =>
    values.map((value, n) => `${x(n)},${value === 0 ? nothing : y(value)}`).join(" ");
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      role="img"
      aria-label={label}
    >
      <polyline points={points(perSecond)} />
      {failed > 0 ? (
        <polygon points={`${x(0)},${height} ${points(failedPerSecond, `${height}`)} ${width},${height}`} />
      ) : null}
    </svg>
  );
}
