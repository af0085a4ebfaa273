import { dirname, resolve as resolvePath } from "node:path";
import { type Either, left, right } from "@pagoda/core";
import { type Config, type ConfigInput, configSchema, written } from "./schema/config.ts";
import type { PolicyFile } from "../policies/policy.ts";
import type { PolicyRegistry } from "../policies/registry.ts";
import { policyFiles } from "./check-policies.ts";
import { certificateProblem, keyProblem } from "./pem.ts";
import { caName, pairNames, type SecretName } from "./tls-names.ts";
import { withoutSecrets } from "../schema/secrets.ts";

/**
 * A configuration with the contents of the files that it refers to: plain data, which can be sent
 * to a worker.
 */
export interface Resolved {
  readonly config: Config;
  /**
   * Certificates, keys, authorities (PEM) and secrets, by their paths in the configuration; for those
   * of a control plane see `pairNames` and `caName`.
   */
  readonly files: ReadonlyMap<string, string>;
}

/** A file that a configuration refers to. */
export interface NamedFile {
  /** The path of the setting: `listeners`, 0, `tls`, … */
  readonly path: readonly (string | number)[];
  readonly name: string;
  /** The secret of a control plane that is used instead of a file. */
  readonly secret?: string | undefined;
  readonly kind: "certificate" | "key" | "secret" | "policy";
  /** For a key, its certificate. */
  readonly certificate?: string;
  /** For a secret and the file of a policy: the check of its text. */
  readonly problem?: PolicyFile["problem"];
}

/**
 * The files whose contents are part of a configuration: those for TLS and stores, the
 * token, and those of policies. Secrets are not read here, since they come from a control plane.
 */
export function allFiles(config: Config, policies: PolicyRegistry): readonly NamedFile[] {
  const ofPolicies = policyFiles(config, policies).map(({ path, file: { name, problem } }): NamedFile => ({
    path,
    name,
    kind: "policy",
    problem,
  }));
  const { tokenFile } = config.admin;
  const token: readonly NamedFile[] =
    tokenFile === undefined
      ? []
      : [{ path: ["admin", "tokenFile"], name: tokenFile, kind: "secret", problem: tokenProblem }];
  return [...namedFiles(config).filter(({ secret }) => secret === undefined), ...token, ...ofPolicies];
}

/**
 * The files that workers read: those of `admin`, `control` and `stores` are secrets of the main
 * process, and a worker is what clients and origins reach.
 */
export function workerFiles({ config, files }: Resolved, policies: PolicyRegistry): Resolved["files"] {
  const { listeners, clusters } = config;
  const names = new Set([
    ...namedFiles({ listeners, clusters, stores: {}, control: {} }).map(({ name }) => name),
    ...policyFiles(config, policies).map(({ file }) => file.name),
  ]);
  return new Map([...files].filter(([name]) => names.has(name)));
}

/** The files for TLS and stores, and secrets instead of files. */
export function namedFiles({
  listeners,
  clusters,
  stores,
  control,
}: Pick<Config, "listeners" | "clusters" | "stores" | "control">): readonly NamedFile[] {
  const files: NamedFile[] = [];
  const pair = (path: NamedFile["path"], tls: Parameters<typeof pairNames>[0]): void => {
    const names = pairNames(tls);
    if (names === undefined) return;
    const { certificate } = names;
    const secret = tls?.secret;
    const [first, second] = secret === undefined ? ["certificate", "key"] : ["secret", "secret"];
    files.push({ path: [...path, first], name: certificate, secret, kind: "certificate" });
    files.push({ path: [...path, second], name: names.key, secret, kind: "key", certificate });
  };
  const authorities = (path: NamedFile["path"], ca: string | SecretName | undefined): void => {
    if (ca === undefined) return;
    const secret = typeof ca === "object" ? ca.secret : undefined;
    files.push({ path: [...path, "ca"], name: caName(ca), secret, kind: "certificate" });
  };
  listeners.forEach(({ tls }, at) => {
    const path = ["listeners", at, "tls"];
    tls?.certificates.forEach((each, c) => pair([...path, "certificates", c], each));
    if (tls?.ticketSecret !== undefined) {
      const name = tls.ticketSecret;
      files.push({ path: [...path, "ticketSecret"], name, kind: "secret", problem: secretProblem });
    }
    authorities([...path, "clients"], tls?.clients?.ca);
  });
  const clients = [
    ...Object.entries(clusters).map(([cluster, { tls }]) => [["clusters", cluster, "tls"], tls] as const),
    [["control", "xds", "tls"], control.xds?.tls] as const,
    [["control", "sds", "tls"], control.sds?.tls] as const,
  ];
  for (const [path, tls] of clients) {
    authorities(path, tls?.ca);
    pair(path, tls);
  }
  for (const [store, { passwordFile, secretFile, tls }] of Object.entries(stores)) {
    const path = ["stores", store];
    for (const [field, name] of Object.entries({ passwordFile, secretFile }))
      if (name !== undefined)
        files.push({ path: [...path, field], name, kind: "secret", problem: lineProblem });
    authorities([...path, "tls"], tls?.ca);
    pair([...path, "tls"], tls);
  }
  return files;
}

/** A shorter secret could be guessed, and with it all sessions read. */
function secretProblem(text: string): string | undefined {
  return text.trim().length >= 32
    ? undefined
    : "must be a secret of at least 32 characters, such as the output of `openssl rand -base64 32`";
}

/** A shorter token could be guessed. The characters are those of RFC 6750, 2.1. */
function tokenProblem(text: string): string | undefined {
  return /^[\w.~+/-]{32,}=*$/.test(text.trim())
    ? undefined
    : "must be a token of at least 32 letters, digits and -._~+/, such as the output of `openssl rand -base64 32`";
}

/** A problem of a file that a configuration refers to. */
export interface FileProblem {
  readonly path: NamedFile["path"];
  readonly message: string;
}

/** The location of a file: relative to the configuration, unless its path is absolute. */
export function locate(name: string, configFile: string | undefined): string {
  return resolvePath(configFile === undefined ? "." : dirname(configFile), name);
}

/**
 * Reads and validates the files that a configuration refers to.
 *
 * @param read Returns the text of a file, by its path; throws Node's errors.
 */
export function resolve(
  config: Config,
  policies: PolicyRegistry,
  configFile: string | undefined,
  read: (file: string) => string,
): Either<readonly FileProblem[], Resolved> {
  const problems: FileProblem[] = [];
  const files = new Map<string, string>();
  for (const { path, name, kind, certificate, problem: problemOf } of allFiles(config, policies)) {
    const file = locate(name, configFile);
    const problem = (message: string): void => void problems.push({ path, message: `${file}: ${message}` });
    try {
      const text = read(file);
      files.set(name, text);
      const wrong =
        kind === "key"
          ? keyProblem(text, files.get(certificate ?? ""))
          : typeof problemOf === "function"
            ? problemOf(text)
            : certificateProblem(text);
      if (wrong !== undefined) problem(wrong);
    } catch (error) {
      problem(`cannot be read: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`);
    }
  }
  if (problems.length > 0) return left(problems);
  // Lists of endpoints are read where the program runs, not where the configuration was written.
  const clusters = Object.fromEntries(
    Object.entries(config.clusters).map(([name, cluster]) => [
      name,
      cluster.file === undefined ? cluster : { ...cluster, file: locate(cluster.file, configFile) },
    ]),
  );
  const { tokenFile, ca } = config.kubernetes;
  const kubernetes = {
    ...config.kubernetes,
    tokenFile: locate(tokenFile, configFile),
    ca: locate(ca, configFile),
  };
  return right({ config: { ...config, clusters, kubernetes }, files });
}

/** The contents of a file with a password: its only line. */
export function secretIn(text: string): string {
  return text.replace(/\r?\n$/, "");
}

function lineProblem(text: string): string | undefined {
  return /^[^\r\n]+$/.test(secretIn(text)) ? undefined : "must have one line, which is not empty";
}

/** The configuration in file format, without what its schema marks as secret. */
export function publicConfig(value: Config, policies: PolicyRegistry): ConfigInput {
  return withoutSecrets(configSchema(policies), written(value, policies)) as ConfigInput;
}
