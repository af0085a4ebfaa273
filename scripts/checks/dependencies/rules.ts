import type { Kind, Manifest, Package } from "../../workspace.ts";

/**
 * Libraries of which a package and its user must share one copy: their values cross the boundary, and some keep global
 * state. OpenTelemetry's API silently ignores an SDK registered with an older copy.
 */
export const shared: readonly string[] = [
  "@pagoda/core",
  "@pagoda/http",
  "@opentelemetry/api",
  "@opentelemetry/core",
  "prom-client",
  "pino",
  "undici",
];

/** Kinds of packages that each kind may depend on. */
const mayKnow: Readonly<Record<Kind, readonly Kind[]>> = {
  core: [],
  http: ["core"],
  "linear-regex": [],
  layer: ["core", "http", "linear-regex"],
  client: ["core", "http", "layer"],
  redis: ["core", "http", "layer"],
  create: ["core", "http", "proxy", "create"],
  proxy: ["core", "http", "layer", "redis"],
  simulation: ["core", "http", "layer"],
  examples: ["core", "http", "layer", "client"],
  bench: ["core", "http", "linear-regex", "layer", "client", "redis", "proxy"],
};

export const sentence: Readonly<Record<Kind, string>> = {
  core: "core knows nothing else",
  http: "http knows only @pagoda/core",
  "linear-regex": "linear-regex knows nothing else",
  layer:
    "a layer knows @pagoda/core, @pagoda/http, @pagoda/linear-regex and at most one third-party library, and no other layer",
  client: "the client knows core, http and the layers",
  redis: "redis knows core, http, the layers whose state it keeps, and one third-party library",
  create: "what creates packages knows what they depend on",
  proxy: "the proxy knows core, http, the layers and redis",
  simulation: "the simulation knows core, http and the layers",
  examples: "the examples know core, http, the layers and the client",
  bench: "bench knows everything",
};

/** The rule that `one` breaks by depending on `name`, or undefined. */
export function broken(one: Package, name: string, all: readonly Package[]): string | undefined {
  if (name === one.name) return undefined;
  const known = all.find((other) => other.name === name);
  const allowed =
    known === undefined ? thirdPartyAllowed(one.kind, name) : mayKnow[one.kind].includes(known.kind);
  return allowed ? undefined : sentence[one.kind];
}

function thirdPartyAllowed(kind: Kind, name: string): boolean {
  return !name.startsWith("@pagoda/") && kind !== "linear-regex" && kind !== "core" && kind !== "http";
}

/** A package's runtime dependencies. */
export function runtimeDependencies(manifest: Manifest): string[] {
  return Object.keys({
    ...manifest.dependencies,
    ...manifest.optionalDependencies,
    ...manifest.peerDependencies,
  });
}

export function tooManyLibraries(one: Package): string[] {
  const libraries = runtimeDependencies(one.manifest).filter((name) => !name.startsWith("@pagoda/"));
  const families = new Set(libraries.map(familyOf));
  return (one.kind === "layer" || one.kind === "redis") && families.size > 1 ? libraries : [];
}

/** Libraries that consist of several packages, by the scopes of these. Connect's messages are those of protobuf-es. */
const families: Readonly<Record<string, string>> = {
  "@opentelemetry": "OpenTelemetry",
  "@connectrpc": "Connect",
  "@bufbuild": "Connect",
};

function familyOf(library: string): string {
  return families[library.split("/", 1)[0] as string] ?? library;
}

/** Libraries that tests may import undeclared, because the root declares them for all packages. */
export const testTools: readonly string[] = ["vitest", "fast-check"];

/** `@pagoda/core` for `@pagoda/core/testing`. */
export function packageOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}
