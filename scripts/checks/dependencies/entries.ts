import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Manifest, Package } from "../../workspace.ts";
import { runtimeDependencies } from "./rules.ts";

/** Where a package is not mentioned as it should be, with the line to add. */
export function entryFaults(base: string, one: Package): string[] {
  return [...rowFaults(base, one), ...descriptionFaults(one), ...referenceFaults(one)];
}

/** The table of packages in the README of the repository. */
function rowFaults(base: string, { name, folder, manifest }: Package): string[] {
  const link = `[${name}](${folder})`;
  const rows = readFileSync(join(base, "README.md"), "utf8").split("\n");
  if (rows.some((row) => row.startsWith(`| ${link}`))) return [];
  const purpose = purposeOf(manifest);
  return [`README.md: the table of packages must have the row "| ${link} | ${purpose} |"`];
}

function purposeOf({ description = "what it does" }: Manifest): string {
  return description.replace(/\.$/u, "").replace(/^[A-Z](?=[a-z])/u, (letter) => letter.toLowerCase());
}

/** npm shows the description, people read the README: both say the same. */
function descriptionFaults({ kind, folder, directory, manifest }: Package): string[] {
  const readme = join(directory, "README.md");
  if (!["layer", "client", "redis"].includes(kind) || !existsSync(readme)) return [];
  const [, , first = ""] = readFileSync(readme, "utf8").split("\n");
  const expected = first.replaceAll("`", "");
  if (manifest.description === expected) return [];
  return [`${folder}/package.json: description must be "${expected}", the first line of README.md`];
}

/** The compiler builds what is referenced first. */
function referenceFaults(one: Package): string[] {
  const { directory, folder, manifest } = one;
  const file = join(directory, "tsconfig.json");
  if (manifest.private === true || !existsSync(file)) return [];
  const { references = [] } = JSON.parse(readFileSync(file, "utf8")) as {
    readonly references?: readonly { readonly path: string }[];
  };
  const given = references.map(({ path }) => path);
  const needed = runtimeDependencies(manifest).flatMap((name) => referenceTo(one, name));
  return [
    ...needed
      .filter((path) => !given.includes(path))
      .map((path) => `${folder}/tsconfig.json: references must have { "path": "${path}" }, a dependency`),
    ...given
      .filter((path) => !needed.includes(path))
      .map(
        (path) => `${folder}/tsconfig.json: references must not have "${path}", which is not a dependency`,
      ),
  ];
}

/** The path from a package to one of ours. */
function referenceTo({ directory, folder }: Package, name: string): string[] {
  const [, short] = /^@pagoda\/(.*)$/u.exec(name) ?? [];
  if (short === undefined) return [];
  const base = directory.slice(0, -folder.length);
  const places = [`packages/${short}`, `packages/layers/${short}`].map((place) => join(base, place));
  const place = places.find((each) => existsSync(join(each, "package.json")));
  return place === undefined ? [] : [relative(directory, place)];
}
