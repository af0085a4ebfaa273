import type { Manifest, Package } from "../../workspace.ts";
import { broken, runtimeDependencies, sentence, shared, tooManyLibraries } from "./rules.ts";

const exact = /^(workspace:\*|(npm:(@[\w.-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+(-[\w.]+)?)$/u;

/** What a package.json declares against the rules. */
export function manifestFaults(one: Package, all: readonly Package[]): string[] {
  const file = `${one.folder}/package.json`;
  const expected = `@pagoda/${one.short}`;
  const libraries = tooManyLibraries(one);
  return [
    ...(one.name === expected ? [] : [`${file}: is named ${one.name}; its folder asks for ${expected}`]),
    ...runtimeDependencies(one.manifest).flatMap((name) => {
      const rule = broken(one, name, all);
      return rule === undefined ? [] : [`${file}: depends on ${name}; ${rule}`];
    }),
    ...(libraries.length > 0
      ? [`${file}: depends on ${libraries.join(" and ")}; ${sentence[one.kind]}`]
      : []),
    ...secondCopies(file, one),
    ...ownPeers(file, one),
    ...inexactVersions(file, one.manifest),
  ];
}

/** Libraries that core, http or a layer would bring along beside the user's own. The proxy is a program and has no such user. */
function secondCopies(file: string, { kind, manifest }: Package): string[] {
  if (kind !== "core" && kind !== "http" && kind !== "layer") return [];
  return shared
    .filter((name) => manifest.dependencies?.[name] !== undefined)
    .map((name) => `${file}: ${name} must be a peer dependency, or users end up with two copies`);
}

/** Peers of our own are released together with what needs them, and linked in the workspace. */
function ownPeers(file: string, { manifest }: Package): string[] {
  const own = Object.entries(manifest.peerDependencies ?? {}).filter(([name]) => name.startsWith("@pagoda/"));
  const ranged = own.filter(([, range]) => range !== "workspace:^");
  const unlinked = own.filter(([name]) => manifest.devDependencies?.[name] === undefined);
  return [
    ...ranged.map(([name, range]) => `${file}: ${name} is "${range}"; peers of our own are workspace:^`),
    ...unlinked.map(([name]) => `${file}: ${name} is a peer, and must be among devDependencies as well`),
  ];
}

/** Ranges let two installs differ. Peer dependencies are left out: they say what fits, not what is installed. */
export function inexactVersions(file: string, manifest: Manifest): string[] {
  const versions = {
    ...manifest.dependencies,
    ...manifest.devDependencies,
    ...manifest.optionalDependencies,
  };
  return Object.entries(versions)
    .filter(
      ([name, version]) =>
        !exact.test(version) || name.startsWith("@pagoda/") !== (version === "workspace:*"),
    )
    .map(
      ([name, version]) =>
        `${file}: ${name} is "${version}"; versions are exact, and workspace:* for our own`,
    );
}
