// What a dashboard shows.

export interface Query {
  readonly expr: string;
  /** How a series is called: `{{label}}` is the value of a label. */
  readonly legend: string;
}

/** A graph of series over time. */
export interface Graph {
  readonly title: string;
  /** A unit of Grafana. */
  readonly unit: "reqps" | "cps" | "percentunit" | "s" | "short" | "bytes" | "bool";
  readonly description?: string;
  readonly queries: readonly Query[];
}

export interface Row {
  readonly title: string;
  readonly graphs: readonly Graph[];
}
