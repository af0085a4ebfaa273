import { createHash } from "node:crypto";
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command } from "../command.ts";
import { root } from "../workspace.ts";

export const folder: string = join(root, "packages/proxy/deploy/kubernetes");
export const alertsFile: string = join(root, "packages/proxy/deploy/prometheus/alerts.yaml");
/** Charts can read only files of their own. */
export const alertsCopy: string = join(folder, "chart/files/alerts.yaml");

interface Manifest {
  readonly about: string;
  readonly release: string;
  readonly chart: string;
  /** The templates that it contains, in this order. */
  readonly templates: readonly string[];
}

const own = (name: string): string => `templates/${name}.yaml`;
const ofSidecar = "charts/pagoda/";

const all: Readonly<Record<string, Manifest>> = {
  "rbac.yaml": {
    about:
      "What pagoda needs to follow the endpoints of services in its own namespace. For those of another one, apply Role and\n# RoleBinding there, too. The namespace of the subject is that of pagoda.",
    release: "pagoda",
    chart: "chart",
    templates: ["serviceaccount", "role"].map(own),
  },
  "gateway.yaml": {
    about:
      "pagoda as a gateway in front of a service. It balances over the service's pods by itself, and follows them as they come\n# and go. Needs rbac.yaml.",
    release: "pagoda",
    chart: "chart",
    templates: ["configmap", "deployment", "service", "poddisruptionbudget"].map(own),
  },
  "sidecar.yaml": {
    about:
      "An application with pagoda as a sidecar: inbound traffic passes the proxy, which terminates TLS and authorizes clients.",
    release: "shop",
    chart: "example",
    templates: [ofSidecar + own("configmap"), own("deployment")],
  },
};

export const names: readonly string[] = Object.keys(all);

/** The plain manifests, by the name of their file. Needs `helm` on the path. */
export async function manifests(): Promise<ReadonlyMap<string, string>> {
  const made = new Map<string, string>();
  const charts = mkdtempSync(join(tmpdir(), "pagoda-charts-"));
  try {
    copyCharts(charts);
    for (const [name, { about, release, chart, templates }] of Object.entries(all)) {
      const parts: string[] = [];
      for (const template of templates)
        parts.push(await rendered(join(charts, chart), release, ["--show-only", template]));
      const file = join(charts, name);
      writeFileSync(file, `${parts.map(plain).join("---\n")}`);
      await finished("oxfmt", ["--config", join(root, ".oxfmtrc.json"), file]);
      const body = readFileSync(file, "utf8");
      made.set(name, `# ${about}\n# ${madeFrom(body)}\n${body}`);
    }
    return made;
  } finally {
    rmSync(charts, { recursive: true });
  }
}

/** Copies both charts, that of pagoda also into the one of the example. */
export function copyCharts(target: string): void {
  cpSync(join(folder, "chart"), join(target, "chart"), { recursive: true });
  cpSync(join(folder, "example"), join(target, "example"), { recursive: true });
  cpSync(join(folder, "chart"), join(target, "example/charts/pagoda"), { recursive: true });
}

/** What Helm makes of a chart, in the namespace `default`. */
export function rendered(chart: string, release: string, args: readonly string[] = []): Promise<string> {
  return finished("helm", ["template", release, chart, "--namespace", "default", ...args]);
}

/** The line that changes if the charts do, or if the manifest is edited by hand. */
export function madeFrom(body: string): string {
  // Without the alerts, of which no manifest has any.
  const files = globSync("{chart/*,example/*,*/templates/*}.*", { cwd: folder }).toSorted();
  const digest = createHash("sha256").update(body);
  for (const file of files) digest.update(file).update(readFileSync(join(folder, file)));
  return `Made by \`npm run manifests\` from the Helm chart, ${digest.digest("hex").slice(0, 16)}: change that.`;
}

/** Without what matters only to Helm. */
function plain(text: string): string {
  return text
    .replaceAll(/^---\n/gm, "")
    .split(/^# Source: .*\n/m)
    .filter((part) => part.trim() !== "")
    .map((part) =>
      part.replaceAll(/^ *(?:app\.kubernetes\.io\/managed-by|helm\.sh\/chart): .*\n/gm, "").trim(),
    )
    .map((part) => `${part}\n`)
    .join("---\n");
}

async function finished(program: string, args: readonly string[]): Promise<string> {
  const { code, output } = await command(program, args);
  if (code !== 0) throw new Error(output);
  return `${output}\n`;
}
