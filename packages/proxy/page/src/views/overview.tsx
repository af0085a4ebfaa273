import { totalOf } from "../history.ts";
import { SeriesCharts } from "../parts/series-charts.tsx";
import type { Parts } from "../parts.ts";
import type { Place } from "../place.ts";
import { problemsOf } from "../problems.ts";
import { ActionsSection } from "./actions.tsx";
import { Clusters } from "./clusters.tsx";
import { Filters } from "./filters.tsx";
import { Layers } from "./layers.tsx";
import { Problems } from "./problems.tsx";
import { Certificates, Reloads, Workers } from "./process.tsx";
import { Routes } from "./routes.tsx";

interface OverviewProps {
  readonly parts: Parts;
  readonly place: Place;
  readonly now: number;
}

/** What is wrong, then the running proxy from the outside in. */
export function Overview({ parts, place, now }: OverviewProps) {
  const { history } = parts;
  return (
    <>
      <Problems problems={problemsOf(parts, now)} parts={parts} />
      <section>
        <h2 id="history">Last 15 minutes</h2>
        <SeriesCharts
          history={history}
          series={history === undefined ? undefined : totalOf(history)}
          p99="p99 of the slowest route"
        />
      </section>
      <Filters place={place} parts={parts} />
      <Routes parts={parts} place={place} />
      <Clusters parts={parts} place={place} now={now} />
      <Layers parts={parts} place={place} now={now} />
      <Reloads parts={parts} now={now} />
      <Certificates parts={parts} now={now} />
      <Workers parts={parts} now={now} />
      <ActionsSection parts={parts} />
    </>
  );
}
