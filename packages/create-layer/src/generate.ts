import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { folderOf, type Manifest, spellings, versionsOf, writeTemplate } from "./template.ts";

const template = fileURLToPath(new URL("../template", import.meta.url));
const manifest = fileURLToPath(new URL("../package.json", import.meta.url));

/** Settings of the compiler and of git, for any package that stands on its own. */
export const projectTemplate: string = join(template, "project");

/** The first line of a generated README, and the description in package.json. */
const abouts = {
  generic: "Limits the number of calls in flight.",
  http: "Refuses requests whose body is larger than a limit.",
} as const;

/** A generic layer depends on core, one about HTTP on http as well. */
export type LayerKind = keyof typeof abouts;

/** Writes a package that works on its own: with its tests, its types and a build. */
export function generatePackage(directory: string, name: string, kind: LayerKind = "generic"): void {
  const versions = versionsOf(JSON.parse(readFileSync(manifest, "utf8")) as Manifest);
  const words = { ...spellings(name), ...versions, about: abouts[kind], self: "../src/index.ts" };
  writeTemplate(
    [...["shared", kind, "standalone"].map((folder) => join(template, folder)), projectTemplate],
    directory,
    words,
  );
  if (kind !== "http") return;
  const { "@pagoda/http": range = "*", "peer/@pagoda/http": peer = "*" } = versions;
  change(join(directory, "package.json"), (content) => withHttp(content, range, peer));
}

/** Writes a package of Pagoda's own repository. */
export function generateInRepository(directory: string, name: string, kind: LayerKind = "generic"): void {
  const own = `@pagoda/${folderOf(name)}`;
  const words = { ...spellings(own), about: abouts[kind], self: own };
  writeTemplate(
    ["shared", kind, "repository"].map((folder) => join(template, folder)),
    directory,
    words,
  );
  if (kind !== "http") return;
  change(join(directory, "package.json"), (content) => withHttp(content, "workspace:*", "workspace:^"));
  change(join(directory, "tsconfig.json"), (config) => ({
    ...config,
    references: [...(config["references"] as unknown as object[]), { path: "../../http" }],
  }));
}

type Json = Readonly<Record<string, object>>;

function withHttp(content: Json, development: string, peer: string): Json {
  const name = "@pagoda/http";
  return {
    ...content,
    devDependencies: sorted({ ...content["devDependencies"], [name]: development }),
    peerDependencies: sorted({ ...content["peerDependencies"], [name]: peer }),
  };
}

function change(file: string, changed: (content: Json) => Json): void {
  writeFileSync(
    file,
    `${JSON.stringify(changed(JSON.parse(readFileSync(file, "utf8")) as Json), null, 2)}\n`,
  );
}

function sorted(names: object): object {
  return Object.fromEntries(Object.entries(names).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
