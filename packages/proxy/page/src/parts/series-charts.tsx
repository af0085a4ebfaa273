import type { LiveHistory, LiveSeries } from "../../../src/live/snapshot.ts";
import { milliseconds, rate } from "../format.ts";
import { highest } from "../history.ts";
import { Chart } from "./chart.tsx";

interface SeriesChartsProps {
  readonly history: LiveHistory | undefined;
  readonly series: LiveSeries | undefined;
  /** Whose p99 it is. Default: that of all requests. */
  readonly p99?: string;
}

/** Requests, failures and latency of the last 15 minutes. */
export function SeriesCharts({ history, series, p99 = "p99" }: SeriesChartsProps) {
  if (history === undefined || series === undefined || series.perSecond.length === 0)
    return (
      <p class="empty">No requests in the last 15 minutes: a chart begins 10 seconds after the first one.</p>
    );
  const common = { end: history.end, stepMs: history.stepMs, steps: history.steps };
  return (
    <div class="charts">
      <Chart
        {...common}
        title="Requests"
        summary={summary(series.perSecond, rate)}
        values={series.perSecond}
        format={rate}
      />
      <Chart
        {...common}
        title="Failed"
        summary={summary(series.failedPerSecond, rate)}
        values={series.failedPerSecond}
        format={rate}
        wrong
      />
      <Chart
        {...common}
        title={p99}
        summary={summary(series.p99Ms, milliseconds)}
        values={series.p99Ms}
        format={milliseconds}
      />
    </div>
  );
}

function summary(values: readonly (number | null)[], format: (value: number) => string): string {
  const last = values.at(-1) ?? null;
  const most = highest(values);
  if (most === null) return "none in the last 15 minutes";
  return `${last === null ? "" : `${format(last)} now, `}at most ${format(most)}`;
}
