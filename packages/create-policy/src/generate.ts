import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Manifest, projectTemplate, spellings, versionsOf, writeTemplate } from "@pagoda/create-layer";

const template = fileURLToPath(new URL("../template", import.meta.url));
const manifest = fileURLToPath(new URL("../package.json", import.meta.url));

/** Writes a package with a policy: with its tests, its types, a build and a configuration to try it. */
export function generatePolicy(directory: string, name: string): void {
  const versions = versionsOf(JSON.parse(readFileSync(manifest, "utf8")) as Manifest);
  writeTemplate([template, projectTemplate], directory, { ...spellings(name), ...versions });
}
