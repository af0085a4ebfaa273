// Makes the plain manifests for Kubernetes from the Helm chart, and the chart's copy of the alerts.
import { copyFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { helm } from "./engines/helm.ts";
import { alertsCopy, alertsFile, folder, manifests } from "./manifests/manifests.ts";

copyFileSync(alertsFile, alertsCopy);
const built = await helm();
if ("missing" in built) {
  console.error(`npm run manifests: not found: ${built.missing}`);
  process.exitCode = 1;
} else {
  process.env["PATH"] = `${built.folder}${delimiter}${process.env["PATH"] ?? ""}`;
  for (const [name, text] of await manifests()) writeFileSync(join(folder, name), text);
}
