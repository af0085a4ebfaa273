import { events, state, waiting } from "../queries.ts";
import type { Row } from "../row.ts";

const place = "{{listener}} {{route}}";

export const authorization: Row = {
  title: "Authorization",
  graphs: [
    {
      title: "Decisions of authorization servers",
      unit: "cps",
      description: "`unavailable`: without an answer, clients get 503, or pass with `failOpen`.",
      queries: [
        {
          expr: events("listener, route, event", "ext-authz", "allowed|refused|unavailable"),
          legend: `${place} {{event}}`,
        },
      ],
    },
    {
      title: "Duration of decisions, p99",
      unit: "s",
      queries: [
        { expr: waiting(0.99, "listener, route, result", "ext-authz"), legend: `${place} {{result}}` },
      ],
    },
    {
      title: "Tokens refused",
      unit: "cps",
      queries: [
        {
          expr: events("listener, route, event", "jwt", "refused|unavailable"),
          legend: `${place} {{event}}`,
        },
      ],
    },
    {
      title: "Loads of token keys",
      unit: "cps",
      queries: [
        { expr: events("listener, route, event", "jwt-keys", "loaded|failed"), legend: `${place} {{event}}` },
      ],
    },
    {
      title: "Age of token keys",
      unit: "s",
      description: "Of keys from a URL. They are loaded again when a token needs them, after `refresh`.",
      queries: [
        { expr: state("max", "listener, route", "jwt_keys_age_seconds", "listeners"), legend: place },
      ],
    },
  ],
};
