import type { XdsClient, XdsUpdate } from "@pagoda/xds";
import { Counter, Gauge, type Registry } from "prom-client";

/** Reports the connections to control planes. */
export class XdsMetrics {
  readonly #updates: Counter<"kind" | "result">;

  /** @param read The current connections; an agent of secrets has one for each. */
  constructor(
    registry: Registry,
    read: () => readonly { readonly server: string; readonly client: XdsClient }[],
  ) {
    const registers = [registry];
    new Gauge({
      name: "pagoda_xds_connected",
      help: "Whether the control plane is connected: 1 or 0; of several connections, whether all are",
      labelNames: ["server"],
      registers,
      collect() {
        this.reset();
        const all = read();
        for (const { server } of all) {
          const same = all.filter((each) => each.server === server);
          this.set({ server }, same.every(({ client }) => client.isConnected) ? 1 : 0);
        }
      },
    });
    new Gauge({
      name: "pagoda_xds_version_info",
      help: "The last accepted version of each kind of resource: cds, eds, lds, rds, sds",
      labelNames: ["kind", "version"],
      registers,
      collect() {
        this.reset();
        for (const { client } of read())
          for (const [kind, version] of Object.entries(client.versions))
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
