import type { Secret } from "@pagoda/xds";
import { namedFiles, type Resolved } from "./resolved.ts";
import { certificateProblem, keyProblem } from "./pem.ts";
import type { Config, ListenerConfig } from "./schema/config.ts";
import { caName, pairNames } from "./tls-names.ts";

/** A secret that a configuration names. */
export interface WantedSecret {
  /** The path of the setting: `listeners`, 0, `tls`, … */
  readonly path: readonly (string | number)[];
  readonly name: string;
  readonly type: Secret["type"];
}

/** A configuration, and listeners that will be part of it once their secrets have come. */
export interface Awaiting extends Resolved {
  readonly awaited?: readonly ListenerConfig[];
}

/** A configuration as it will be, with the listeners that it has not got yet after all others. */
export function withAwaited<R extends Awaiting>(resolved: R): R {
  const { config, awaited = [] } = resolved;
  return awaited.length === 0
    ? resolved
    : { ...resolved, config: { ...config, listeners: [...config.listeners, ...awaited] } };
}

/** The secrets of a configuration, each once for each place that names it. */
export function wantedSecrets(config: Parameters<typeof namedFiles>[0]): readonly WantedSecret[] {
  return namedFiles(config).flatMap(({ path, secret, kind }) => {
    if (secret === undefined || kind === "key") return [];
    return [{ path, name: secret, type: path.at(-1) === "ca" ? "authorities" : "certificate" }];
  });
}

/** The contents of a secret, by their names in {@link Resolved}'s `files`. */
export function filesOf(name: string, secret: Secret): readonly (readonly [string, string])[] {
  if (secret.type === "authorities") return [[caName({ secret: name }), secret.ca]];
  const { certificate, key } = pairNames({ secret: name });
  return [
    [certificate, secret.certificate],
    [key, secret.key],
  ];
}

/** Problems of a secret for its use, with the texts of `check`, and without what it contains. */
export function secretProblems(secret: Secret, type: Secret["type"]): readonly string[] {
  if (secret.type !== type) return [`must be ${names[type]} here (got ${names[secret.type]})`];
  const problems =
    secret.type === "authorities"
      ? [["validation_context.trusted_ca", certificateProblem(secret.ca)]]
      : [
          ["tls_certificate.certificate_chain", certificateProblem(secret.certificate)],
          ["tls_certificate.private_key", keyProblem(secret.key, secret.certificate)],
        ];
  return problems.flatMap(([field, problem]) => (problem === undefined ? [] : [`${field} ${problem}`]));
}

const names = { certificate: "a tls_certificate", authorities: "a validation_context" } as const;

/** The secrets that have not come yet. */
export function missingSecrets({ config, files }: Resolved): readonly WantedSecret[] {
  return wantedSecrets(config).filter(({ name, type }) => {
    const contents = type === "authorities" ? caName({ secret: name }) : pairNames({ secret: name }).key;
    return !files.has(contents);
  });
}

/**
 * What can be served of a configuration. Without its certificate a listener would refuse every
 * handshake, so it does not listen: a health check sees that at once. A cluster has no endpoints
 * meanwhile: it must neither trust other authorities nor call without its certificate.
 */
export function servable(resolved: Resolved): Config {
  const missing = missingSecrets(resolved);
  const { config } = resolved;
  if (missing.length === 0) return config;
  const lacks = (place: string, key: string | number): boolean =>
    missing.some(({ path }) => path[0] === place && path[1] === key);
  return {
    ...config,
    listeners: config.listeners.filter((_listener, at) => !lacks("listeners", at)),
    clusters: Object.fromEntries(
      Object.entries(config.clusters).map(([name, cluster]) => {
        const { dns: _1, srv: _2, kubernetes: _3, xds: _4, file: _5, ...rest } = cluster;
        return [name, lacks("clusters", name) ? { ...rest, endpoints: [] } : cluster];
      }),
    ),
  };
}
