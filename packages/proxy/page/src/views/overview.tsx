import { totalOf } from "../history.ts";
import { SeriesCharts } from "../parts/series-charts.tsx";
import type { Parts } from "../parts.ts";
import type { Place } from "../place.ts";
import type { Problem } from "../problems.ts";
import { ActionsSection } from "./actions.tsx";
import { Clusters } from "./clusters.tsx";
import { Filters } from "./filters.tsx";
import { Layers } from "./layers.tsx";
import { Problems } from "./problems.tsx";
import { Certificates, Reloads, Workers } from "./process.tsx";
import { Routes } from "./routes.tsx";

interface OverviewProps {
  readonly parts: Parts;
  readonly problems: readonly Problem[];
  readonly place: Place;
  readonly now: number;
}

/** What is wrong, then where: endpoints, routes, the last minutes, and what is seldom asked for. */
export function Overview({ parts, problems, place, now }: OverviewProps) {
  const { history } = parts;
  return (
    <>
      <Problems problems={problems} parts={parts} />
      <Filters place={place} parts={parts} />
      <Clusters parts={parts} place={place} now={now} />
      <Routes parts={parts} place={place} />
      <section>
        <h2 id="history">Last 15 minutes</h2>
        <SeriesCharts
          history={history}
          series={history === undefined ? undefined : totalOf(history)}
          p99="p99 of the slowest route"
        />
      </section>
      <Layers parts={parts} place={place} now={now} />
      <Reloads parts={parts} place={place} now={now} />
      <Certificates parts={parts} place={place} now={now} />
      <Workers parts={parts} place={place} now={now} />
      <ActionsSection parts={parts} place={place} />
    </>
  );
}
