import { own, ownRate } from "../queries.ts";
import type { Row } from "../row.ts";

export const proxy: Row = {
  title: "The proxy",
  graphs: [
    {
      title: "Event-loop delay, p99",
      unit: "s",
      queries: [{ expr: own("nodejs_eventloop_lag_p99_seconds"), legend: "{{instance}} {{worker}}" }],
    },
    {
      title: "CPU",
      unit: "percentunit",
      description: "Of one core.",
      queries: [{ expr: ownRate("instance", "process_cpu_seconds_total"), legend: "{{instance}}" }],
    },
    {
      title: "Memory",
      unit: "bytes",
      queries: [
        {
          expr: `sum by (instance) (${own("process_resident_memory_bytes")})`,
          legend: "{{instance}} resident",
        },
        { expr: `sum by (instance) (${own("nodejs_heap_size_used_bytes")})`, legend: "{{instance}} heap" },
      ],
    },
    {
      title: "Workers restarted",
      unit: "short",
      queries: [
        {
          expr: `sum by (instance, reason) (increase(${own("pagoda_worker_restarts_total")}[$__rate_interval]))`,
          legend: "{{instance}} {{reason}}",
        },
      ],
    },
    {
      title: "Workers that do not answer",
      unit: "s",
      queries: [{ expr: own("pagoda_worker_silent_seconds"), legend: "{{instance}} {{worker}}" }],
    },
    {
      title: "Reloads",
      unit: "short",
      queries: [
        {
          expr: `sum by (instance, result) (increase(${own("pagoda_reloads_total")}[$__rate_interval]))`,
          legend: "{{instance}} {{result}}",
        },
        {
          expr: own("pagoda_config_last_reload_successful"),
          legend: "{{instance}} last one successful",
        },
      ],
    },
    {
      title: "Certificates: time left",
      unit: "s",
      queries: [
        {
          expr: `${own("pagoda_certificate_not_after_timestamp_seconds")} - time()`,
          legend: "{{instance}} {{file}}",
        },
      ],
    },
    {
      title: "Bugs and lost log lines",
      unit: "cps",
      queries: [
        { expr: ownRate("listener", "http_defects_total"), legend: "{{listener}} answered with 500" },
        {
          expr: ownRate("instance", "pagoda_log_lines_dropped_total"),
          legend: "{{instance}} log lines dropped",
        },
      ],
    },
  ],
};
