import type { LiveRates } from "../../../src/live/snapshot.ts";
import { latency, rate, unknown } from "../format.ts";
import { requestsPlace } from "../place.ts";
import { queryOf } from "../problems.ts";
import { Link } from "./link.tsx";
import type { Column } from "./table.tsx";

/** The columns of figures that all tables share. */
export function rateColumns<Row>(
  ratesOf: (row: Row) => LiveRates | undefined,
  slowestMs: number,
): readonly Column<Row>[] {
  const latencyOf = (title: string, of: (rates: LiveRates) => number | null): Column<Row> => ({
    title,
    number: true,
    cell: (row) => {
      const rates = ratesOf(row);
      return rates === undefined ? unknown : latency(of(rates), slowestMs);
    },
  });
  return [
    { title: "Requests", number: true, cell: (row) => rate(ratesOf(row)?.perSecond ?? 0) },
    { title: "Failed", number: true, cell: (row) => <Failed rates={ratesOf(row)} /> },
    { title: "Refused", number: true, cell: (row) => <Refused rates={ratesOf(row)} /> },
    latencyOf("p50", ({ p50Ms }) => p50Ms),
    latencyOf("p99", ({ p99Ms }) => p99Ms),
    latencyOf("p99.9", ({ p999Ms }) => p999Ms),
  ];
}

interface RatesProps {
  readonly rates: LiveRates | undefined;
}

export function Failed({ rates }: RatesProps) {
  return <Bad perSecond={rates?.failedPerSecond ?? 0} path={rates?.failed} what="failed" />;
}

export function Refused({ rates }: RatesProps) {
  return <Bad perSecond={rates?.refusedPerSecond ?? 0} path={rates?.refused} what="refused" />;
}

interface BadProps {
  readonly perSecond: number;
  /** The path of the requests behind the number. */
  readonly path: string | undefined;
  readonly what: string;
}

/** A number that should be 0; otherwise it leads to its requests. */
function Bad({ perSecond, path, what }: BadProps) {
  if (perSecond === 0) return <span class="muted">0/s</span>;
  const query = queryOf(path);
  if (query === undefined) return <span class="bad">{rate(perSecond)}</span>;
  return (
    <Link to={requestsPlace(query)} class="bad" label={`${rate(perSecond)} ${what}: show the requests`}>
      {rate(perSecond)}
    </Link>
  );
}
