import type { Figures, FiguresRow, FailedTries } from "./call-record.ts";

/** The figures of the time between two readings. A row whose counts have fallen starts afresh. */
export function between(before: Figures, after: Figures): readonly FiguresRow[] {
  const keyOf = (row: FiguresRow): string =>
    JSON.stringify([row.listener, row.route, row.cluster, row.endpoint]);
  const earlier = new Map(before.rows.map((row) => [keyOf(row), row]));
  return after.rows.map((row): FiguresRow => {
    const past = earlier.get(keyOf(row));
    if (past === undefined || past.requests > row.requests) return row;
    return {
      ...row,
      requests: row.requests - past.requests,
      errors: row.errors - past.errors,
      counts: row.counts.map((count, n) => count - (past.counts[n] ?? 0)),
    };
  });
}

/** The failed tries of the time between two readings. An endpoint whose counts have fallen starts afresh. */
export function failedBetween(before: Figures, after: Figures): readonly FailedTries[] {
  const keyOf = ({ cluster, endpoint }: FailedTries): string => `${cluster}\n${endpoint}`;
  const earlier = new Map(before.endpoints.map((row) => [keyOf(row), row]));
  return after.endpoints.map((row): FailedTries => {
    const past = earlier.get(keyOf(row));
    if (past === undefined || past.failed > row.failed) return row;
    return { ...row, failed: row.failed - past.failed };
  });
}

/** One row for several, such as all endpoints of a route. */
export function together(rows: readonly [FiguresRow, ...FiguresRow[]]): FiguresRow {
  const [first] = rows;
  return {
    ...first,
    requests: sum(rows.map(({ requests }) => requests)),
    errors: sum(rows.map(({ errors }) => errors)),
    counts: first.counts.map((_, n) => sum(rows.map(({ counts }) => counts[n] ?? 0))),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

/**
 * Returns the latency in milliseconds that a share of the requests do not exceed, interpolated within
 * its bucket as Prometheus's `histogram_quantile` does; undefined without requests. At most the highest
 * bound.
 */
export function quantile(
  { bounds, counts }: Pick<FiguresRow, "bounds" | "counts">,
  share: number,
): number | undefined {
  const total = counts.at(-1) ?? 0;
  if (total === 0) return undefined;
  const rank = share * total;
  const at = counts.findIndex((count) => count >= rank);
  const upper = bounds[at];
  if (upper === undefined) return (bounds.at(-1) ?? 0) * 1_000;
  const lower = bounds[at - 1] ?? 0;
  const below = counts[at - 1] ?? 0;
  const within = (counts[at] as number) - below;
  return (lower + (within === 0 ? 0 : ((upper - lower) * (rank - below)) / within)) * 1_000;
}
