// Generates the Grafana dashboard of the proxy.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "./command.ts";
import { dashboard } from "./dashboard/dashboard.ts";
import { root } from "./workspace.ts";

const file = join(root, "packages/proxy/deploy/grafana/pagoda.json");
writeFileSync(file, `${JSON.stringify(dashboard(), undefined, 2)}\n`);
const { code, output } = await command("oxfmt", [file]);
if (code !== 0) console.error(output);
process.exitCode = code === 0 ? 0 : 1;
