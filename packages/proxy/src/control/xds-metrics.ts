import type { XdsClient, XdsUpdate } from "@pagoda/xds";
import { Counter, Gauge, type Registry } from "prom-client";

/** Reports the connection to a control plane. */
export class XdsMetrics {
  readonly #updates: Counter<"kind" | "result">;

  /** @param read The current control plane; undefined if none is used. */
  constructor(
    registry: Registry,
    read: () => { readonly server: string; readonly client: XdsClient } | undefined,
  ) {
    const registers = [registry];
    new Gauge({
      name: "pagoda_xds_connected",
      help: "Whether the control plane is connected: 1 or 0",
      labelNames: ["server"],
      registers,
      collect() {
        this.reset();
        const current = read();
        if (current !== undefined) this.set({ server: current.server }, current.client.isConnected ? 1 : 0);
      },
    });
    new Gauge({
      name: "pagoda_xds_version_info",
      help: "The last accepted version of each kind of resource: cds, eds, sds",
      labelNames: ["kind", "version"],
      registers,
      collect() {
        this.reset();
        for (const [kind, version] of Object.entries(read()?.client.versions ?? {}))
          if (version !== "") this.set({ kind, version }, 1);
      },
    });
    this.#updates = new Counter({
      name: "pagoda_xds_updates_total",
      help: "Updates of the control plane by kind and result: accepted, rejected",
      labelNames: ["kind", "result"],
      registers,
    });
  }

  updated(kind: XdsUpdate["kind"], result: "accepted" | "rejected"): void {
    this.#updates.inc({ kind, result });
  }
}
