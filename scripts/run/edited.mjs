import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** The folders of packages, and folders of such folders. */
const folders = ["", "docs"];
const parents = ["packages", "packages/layers"];

/** Each package.json of the workspace that is newer than a file. */
export function editedSince(file, root) {
  const since = statSync(file).mtimeMs;
  return [...folders, ...parents.flatMap((parent) => foldersIn(parent, root))]
    .map((folder) => join(folder, "package.json"))
    .filter((name) => statSync(join(root, name), { throwIfNoEntry: false })?.mtimeMs > since);
}

function foldersIn(parent, root) {
  if (!existsSync(join(root, parent))) return [];
  return readdirSync(join(root, parent)).map((name) => join(parent, name));
}
