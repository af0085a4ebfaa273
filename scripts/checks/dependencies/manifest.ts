import type { Manifest, Package } from "../../workspace.ts";
import { broken, runtimeDependencies, sentence, shared, tooManyLibraries } from "./rules.ts";

const exact = /^(workspace:\*|(npm:(@[\w.-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+(-[\w.]+)?)$/u;

/** Declarations in a package.json that break a rule. */
export function manifestFaults(one: Package, all: readonly Package[]): string[] {
  const file = `${one.folder}/package.json`;
  const expected = `@pagoda/${one.short}`;
  const libraries = tooManyLibraries(one);
  return [
    ...(one.name === expected ? [] : [`${file}: name must be ${expected} (got ${one.name})`]),
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

/** Libraries of which core, http, a layer or the client would bring a second copy. The proxy is a program and may. */
function secondCopies(file: string, { kind, manifest }: Package): string[] {
  if (!["core", "http", "layer", "client", "redis"].includes(kind)) return [];
  return shared
    .filter((name) => manifest.dependencies?.[name] !== undefined)
    .map((name) => `${file}: ${name} must be a peer dependency, or users end up with two copies`);
}

/** Our own peers are released together with their dependents and linked in the workspace. */
function ownPeers(file: string, { manifest }: Package): string[] {
  const own = Object.entries(manifest.peerDependencies ?? {}).filter(([name]) => name.startsWith("@pagoda/"));
  const ranged = own.filter(([, range]) => range !== "workspace:^");
  const unlinked = own.filter(([name]) => manifest.devDependencies?.[name] === undefined);
  return [
    ...ranged.map(
      ([name, range]) => `${file}: ${name} must be workspace:^ in peerDependencies (got "${range}")`,
    ),
    ...unlinked.map(([name]) => `${file}: ${name} must also be in devDependencies, because it is a peer`),
  ];
}

/** Versions are exact, so that two installs cannot differ. Peer dependencies are exempt: they state compatibility. */
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
        `${file}: ${name} must be an exact version, or workspace:* for our own packages (got "${version}")`,
    );
}
