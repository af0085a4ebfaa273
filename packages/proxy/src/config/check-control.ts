import { defined } from "../schema/defined.ts";
import type { Report } from "../schema/report.ts";
import type { Config } from "./schema/config.ts";
import { wantedSecrets } from "./secrets.ts";

/** Checks that what comes from a control plane has one, and that each control plane is used. */
export function checkControl(config: Config, report: Report): void {
  const { clusters, control } = config;
  const { xds, sds } = control;
  const secrets = wantedSecrets(config);
  const named = Object.keys(clusters).filter((name) => clusters[name]?.xds !== undefined);
  // An invalid cluster or listener may be the one that uses it.
  const unused = (field: string, message: string): void =>
    report(["control", field], `has no effect: ${message}`, [["control"], ["listeners"], ["clusters"]]);
  if (xds === undefined)
    for (const name of named)
      report(["clusters", name, "xds"], "requires `control.xds`", [["clusters", name, "xds"], ["control"]]);
  if (xds === undefined && sds === undefined)
    for (const { path } of secrets)
      report(path, "requires `control.sds` or `control.xds`", [path, ["control"]]);
  const servesOthers = xds?.listeners === true || named.length > 0;
  if (xds !== undefined && !servesOthers && (sds !== undefined || secrets.length === 0))
    unused("xds", "no cluster has `xds`");
  if (sds !== undefined && secrets.length === 0) unused("sds", "no TLS setting names a secret");
  for (const [name, { tls, server }] of Object.entries(defined({ xds, sds })))
    if (tls !== undefined && !server.startsWith("https:"))
      report(["control", name, "tls"], "has no effect: the server is not https");
}
