import { Counter, Gauge, type Registry } from "prom-client";
import type { LimitStore } from "./limit-store.ts";

/** Reports the connections to limit stores. */
export function storeMetrics(registry: Registry, read: () => readonly LimitStore[]): void {
  const registers = [registry];
  const gauge = (name: string, help: string, is: (store: LimitStore) => boolean): void =>
    void new Gauge({
      name,
      help,
      labelNames: ["store"],
      aggregator: "sum",
      registers,
      collect() {
        this.reset();
        for (const store of read()) this.set({ store: store.name }, is(store) ? 1 : 0);
      },
    });
  gauge("pagoda_store_connected", "Whether a limit store is connected: 1 or 0", (store) => store.isConnected);
  gauge(
    "pagoda_store_local",
    "Whether limits of a store are decided locally, because it does not answer: 1 or 0",
    (store) => !store.isReachable,
  );
  new Counter({
    name: "pagoda_store_commands_total",
    help: "Commands to a limit store by result: success, timeout, error",
    labelNames: ["store", "result"],
    registers,
    collect() {
      this.reset();
      for (const { name, commands } of read())
        for (const [result, count] of Object.entries(commands)) this.inc({ store: name, result }, count);
    },
  });
}
