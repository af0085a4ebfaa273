import type { Path, Report } from "../schema/report.ts";
import type { ClusterConfig } from "./schema/cluster.ts";

/** Checks what only one of the clients of a cluster can do. */
export function checkClient(
  path: Path,
  { client, proxy, protocol, check }: ClusterConfig,
  report: Report,
): void {
  const at = (...place: readonly string[]): Path => [...path, ...place];
  if (client === "undici" && protocol !== "http1")
    report(at("protocol"), `must be http1 with client: undici (got ${protocol})`, [
      at("protocol"),
      at("client"),
    ]);
  if (proxy === undefined) return;
  if (client !== "undici") report(at("proxy"), "requires `client: undici`", [at("proxy"), at("client")]);
  if (check !== undefined && check.type !== "http")
    report(
      at("check", "type"),
      `must be http, the only check that goes through a proxy (got ${check.type})`,
      [at("check"), at("proxy")],
    );
}
