import type { KubernetesSource } from "@pagoda/kubernetes";
import { Counter, Gauge, type Registry } from "prom-client";

/** A watch of a Kubernetes service. */
export interface Watched {
  readonly labels: { readonly namespace: string; readonly service: string; readonly port: string };
  readonly watch: KubernetesSource["watch"];
}

const labelNames = ["namespace", "service", "port"] as const;

/** Reports the watches of Kubernetes services. */
export function watchMetrics(registry: Registry, read: () => readonly Watched[]): void {
  const registers = [registry];
  new Gauge({
    name: "pagoda_kubernetes_connected",
    help: "Whether changes of a service's endpoints arrive: 1 or 0",
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const { labels, watch } of read()) this.set(labels, watch.isWatching ? 1 : 0);
    },
  });
  new Gauge({
    name: "pagoda_kubernetes_last_event_timestamp_seconds",
    help: "Time of the last list, change or bookmark of a service's endpoints",
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const { labels, watch } of read())
        if (watch.lastEventMs !== undefined) this.set(labels, watch.lastEventMs / 1_000);
    },
  });
  new Counter({
    name: "pagoda_kubernetes_watches_total",
    help: "Watches of a service's endpoints that have begun; each ends after some minutes",
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const { labels, watch } of read()) this.inc(labels, watch.begun);
    },
  });
}
