import {
  type Dashboard,
  DashboardBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import type { Graph } from "./row.ts";
import { rows } from "./rows.ts";

const datasource = { type: "prometheus", uid: "$datasource" };

/** The variables, each limited to what the ones before it select. */
const variables = [
  ["job", "label_values(pagoda_reloads_total, job)"],
  ["instance", 'label_values(pagoda_reloads_total{job=~"$job"}, instance)'],
  ["listener", 'label_values(connections_total{job=~"$job",instance=~"$instance"}, listener)'],
  ["route", 'label_values(http_requests_total{job=~"$job",listener=~"$listener"}, route)'],
  ["cluster", 'label_values(stack_balance_endpoints{job=~"$job",instance=~"$instance"}, cluster)'],
] as const;

/** Columns and rows of Grafana's grid that a graph takes. */
const [width, height] = [8, 8];

/** The dashboard of `pagoda`. */
export function dashboard(): Dashboard {
  const builder = new DashboardBuilder("Pagoda")
    .uid("pagoda")
    .description("Traffic, upstreams, limits and processes of pagoda, the proxy.")
    .tags(["pagoda"])
    .editable()
    .refresh("30s")
    .time({ from: "now-1h", to: "now" })
    .withVariable(new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"));
  for (const [name, query] of variables) builder.withVariable(variable(name, query));
  for (const { title, graphs } of rows) {
    builder.withRow(new RowBuilder(title));
    for (const graph of graphs) builder.withPanel(panel(graph));
  }
  return builder.build();
}

function variable(name: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .datasource(datasource)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .multi(true)
    .includeAll(true)
    .allValue(".*")
    .current({ text: "All", value: "$__all" });
}

function panel({ title, unit, description, queries }: Graph): PanelBuilder {
  const made = new PanelBuilder()
    .title(title)
    .datasource(datasource)
    .unit(unit)
    .axisSoftMin(0)
    .span(width)
    .height(height)
    .fillOpacity(10);
  if (description !== undefined) made.description(description);
  for (const [at, { expr, legend }] of queries.entries())
    made.withTarget(
      new DataqueryBuilder()
        .refId(String.fromCodePoint(65 + at))
        .expr(expr)
        .legendFormat(legend)
        .datasource(datasource),
    );
  return made;
}
