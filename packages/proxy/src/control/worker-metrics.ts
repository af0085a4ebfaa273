import { Counter, Gauge, type Registry } from "prom-client";

const reasons = ["crash", "memory", "hang", "exit"] as const;

/** Counts workers that ended unexpectedly. */
export function restarts(registry: Registry): Counter<"reason"> {
  const counter = new Counter({
    name: "pagoda_worker_restarts_total",
    help: "Workers that ended unexpectedly, by reason: crash, memory, hang, exit",
    labelNames: ["reason"],
    registers: [registry],
  });
  for (const reason of reasons) counter.inc({ reason }, 0);
  return counter;
}

/** For how long each worker has not answered. */
export function silence(
  registry: Registry,
  read: () => readonly (readonly [worker: number, silentMs: number])[],
): void {
  new Gauge({
    name: "pagoda_worker_silent_seconds",
    help: "Seconds since a worker last answered the main process; 0 while it does",
    labelNames: ["worker"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [worker, silentMs] of read()) this.set({ worker }, silentMs / 1_000);
    },
  });
}
