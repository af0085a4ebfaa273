import { fileURLToPath } from "node:url";
import { type Clock, type Either, firstLines, isLeft, left, right, systemClock } from "@pagoda/core";
import { ConfigDocument, problemText } from "./document.ts";
import { noApiServer, withoutApiServer } from "./api-server.ts";
import { checkEndpointFiles } from "./endpoint-files.ts";
import {
  defaults,
  type Environment,
  override,
  type Overrides,
  readEnvironment,
  variableProblemText,
} from "./environment.ts";
import type { Plugin, PluginLoader } from "../plugins/loader.ts";
import { pluginNames } from "./plugin-names.ts";
import type { Plugins } from "./plugins.ts";
import { perWorkerAdvice } from "./per-worker.ts";
import { examine, inOrder } from "./read.ts";
import { readWhole } from "./read-whole.ts";
import { builtInPolicies, type PolicyRegistry } from "../policies/registry.ts";
import type { Address } from "./address.ts";
import { admin as adminSchema } from "./schema/config.ts";
import { allFiles, locate, resolve, type Resolved } from "./resolved.ts";

/** The sources of a configuration. */
export interface Sources {
  /** The file. Default: the one in `PROXY_CONFIG`, else none. */
  readonly file?: string | undefined;
  /**
   * A configuration in file format, instead of a file. Paths in it are relative to the working
   * directory.
   */
  readonly config?: object | undefined;
  readonly env: Environment;
  /** The policies besides those of plugins. Default: the built-in ones. */
  readonly policies?: PolicyRegistry;
  /**
   * Checks the files that list endpoints, too, which the running program reads as they change.
   * Default: false.
   */
  readonly endpointFiles?: boolean;
  /**
   * Whether the configuration is to be served here, so that what it needs of its surroundings must
   * be there. Default: false.
   */
  readonly serves?: boolean;
  /** Keeps plugins that are loaded already. Default: loads them once more. */
  readonly loader?: () => Promise<PluginLoader>;
  /** Origins to use if none are configured. */
  readonly demo?: (() => Promise<readonly string[]>) | undefined;
}

export interface Loaded extends Resolved {
  /** The policies of the proxy, with those of its plugins. */
  readonly policies: PolicyRegistry;
  readonly plugins: readonly Plugin[];
  /** The configuration file; undefined if only the environment is used. */
  readonly file: string | undefined;
  /**
   * The configuration file and those that it refers to: a change of any of them makes this
   * outdated.
   */
  readonly watched: readonly string[];
  /** Warnings, a line for each setting without effect. */
  readonly warnings: readonly string[];
  /** A line for each setting that works but is better set otherwise. */
  readonly advice: readonly string[];
  /** Whether the demo origins answer. */
  readonly demo: boolean;
}

/**
 * Reads, checks and completes a configuration; `Left` has a line for each problem, up to a hundred.
 */
export async function loadConfig(sources: Sources): Promise<Either<readonly string[], Loaded>> {
  const environment = readEnvironment(sources.env);
  const ofEnvironment = isLeft(environment) ? environment.left.map(variableProblemText) : [];
  const overrides = isLeft(environment) ? {} : environment.right;
  const { config } = sources;
  const named = sources.file ?? overrides.file ?? (sources.env["PROXY_CONFIG"]?.trim() || undefined);
  const file = config === undefined ? named : undefined;
  const isBare = file === undefined && config === undefined;
  const demo = isBare && overrides.upstreams === undefined ? sources.demo : undefined;
  if (isBare && ofEnvironment.length > 0) return left(ofEnvironment);
  // Without any origin the schema would report a problem, and the demo origins are known only once
  // they listen.
  const fallback = demo === undefined ? ["http://127.0.0.1:8080"] : await demo();
  const text = file === undefined ? right(JSON.stringify(config ?? defaults(fallback))) : readText(file);
  const loaded = isLeft(text)
    ? text
    : await completeOr(text.right, {
        file,
        overrides,
        demo: demo !== undefined,
        endpointFiles: sources.endpointFiles ?? false,
        env: sources.env,
        serves: sources.serves ?? false,
        loader: sources.loader ?? pluginLoader(),
        base: sources.policies ?? builtInPolicies,
      });
  if (!isLeft(loaded) && ofEnvironment.length === 0) return loaded;
  return left(firstLines([...ofEnvironment, ...(isLeft(loaded) ? loaded.left : [])]));
}

/**
 * The admin address, even if the file is invalid: the running program keeps the previous valid
 * configuration, which usually has the same address. `Left`: a line for each invalid variable.
 */
export function adminAddress({ file, env }: Sources): Either<readonly string[], Address> {
  const overrides = readEnvironment(env);
  if (isLeft(overrides)) return left(overrides.left.map(variableProblemText));
  const { admin, file: named } = overrides.right;
  if (admin !== undefined) return right(admin);
  const path = file ?? named;
  const text = path === undefined ? right("") : readText(path);
  const parsed = adminSchema.safeParse(isLeft(text) ? {} : { address: addressIn(text.right) });
  return right((parsed.success ? parsed.data : adminSchema.parse({})).address);
}

/** The admin address in a text, as far as that can be read. */
function addressIn(text: string): unknown {
  try {
    const { admin } = Object(new ConfigDocument(text).value) as { readonly admin?: unknown };
    return (Object(admin) as { readonly address?: unknown }).address;
  } catch {
    return undefined;
  }
}

/** Reads any file without ending the program, at startup or while it runs. */
async function completeOr(text: string, completing: Completing): Promise<Either<readonly string[], Loaded>> {
  try {
    return await complete(text, completing);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return left([`${completing.file ?? "configuration"}: cannot be checked: ${message}`]);
  }
}

interface Completing {
  readonly file: string | undefined;
  readonly overrides: Overrides;
  readonly demo: boolean;
  readonly endpointFiles: boolean;
  readonly env: Environment;
  readonly serves: boolean;
  readonly loader: () => Promise<PluginLoader>;
  readonly base: PolicyRegistry;
}

async function complete(
  text: string,
  { file, overrides, demo, endpointFiles, env, serves, loader, base }: Completing,
): Promise<Either<readonly string[], Loaded>> {
  const name = file ?? "configuration";
  const document = new ConfigDocument(text);
  const plugins = await withPlugins(document, file, loader, base);
  const isComplete = plugins.problems.length === 0;
  const { problems, warnings, advice, config, broken } = examine(document, plugins.policies, isComplete);
  const lines = inOrder([...plugins.problems, ...problems]).map((problem) => problemText(name, problem));
  const changed = plugins.warnings.map((problem) => problemText(name, problem));
  // The former version of a plugin may be the cause.
  if (lines.length > 0) lines.push(...changed);
  if (config === undefined) return left(lines);
  const overridden = override(config, overrides, hasTimeout(document.value));
  // A variable that cannot be applied may be due to a problem of the file.
  if (isLeft(overridden)) return left(lines.length > 0 ? lines : [variableProblemText(overridden.left)]);
  const resolved = resolve(overridden.right, plugins.policies, file, readWhole);
  const ofFiles = isLeft(resolved) ? resolved.left.filter(({ path }) => !broken.isGone(path)) : [];
  for (const { path, message } of ofFiles) lines.push(problemText(name, document.problem(path, message)));
  const lists = endpointFiles
    ? checkEndpointFiles(overridden.right, file, readWhole)
    : { problems: [], warnings: [] };
  lines.push(...lists.problems);
  const orphan = withoutApiServer(overridden.right, env);
  const missing =
    orphan === undefined
      ? []
      : [problemText(name, document.problem(["clusters", orphan, "kubernetes"], noApiServer))];
  if (serves) lines.push(...missing);
  if (isLeft(resolved) || lines.length > 0) return left(lines);
  const named = allFiles(overridden.right, plugins.policies).map((each) => locate(each.name, file));
  return right({
    ...resolved.right,
    policies: plugins.policies,
    plugins: plugins.loaded.map(({ name, url, imports = [], digest }) => ({ name, url, imports, digest })),
    file,
    watched: [
      ...(file === undefined ? [] : [file]),
      ...named,
      ...plugins.loaded
        .flatMap(({ url, imports = [] }) => [url].concat(imports))
        .map((url) => fileURLToPath(url)),
    ],
    warnings: firstLines([
      ...warnings.map((problem) => problemText(name, problem)),
      ...changed,
      ...lists.warnings,
      ...missing,
    ]),
    advice: firstLines(
      inOrder([...advice, ...perWorkerAdvice(document, overridden.right, plugins.policies)]).map((problem) =>
        problemText(name, problem),
      ),
    ),
    demo,
  });
}

/**
 * The policies of a configuration file, which need not be valid otherwise. `Left`: a line for each
 * problem of the file or of its plugins.
 */
export async function policiesOf(file: string): Promise<Either<readonly string[], PolicyRegistry>> {
  const text = readText(file);
  if (isLeft(text)) return text;
  const document = new ConfigDocument(text.right);
  const plugins = await withPlugins(document, file, pluginLoader(), builtInPolicies);
  const problems = [...document.problems, ...plugins.problems];
  return problems.length > 0
    ? left(problems.map((problem) => problemText(file, problem)))
    : right(plugins.policies);
}

/** Loads the code for plugins only if a configuration has some. */
async function withPlugins(
  document: ConfigDocument,
  file: string | undefined,
  loader: () => Promise<PluginLoader>,
  base: PolicyRegistry,
): Promise<Plugins> {
  if (pluginNames(document.value).length === 0)
    return { loaded: [], policies: base, problems: [], warnings: [] };
  const { pluginsOf } = await import("./plugins.ts");
  return pluginsOf(document, file, await loader(), base);
}

/** A loader of plugins that is created when it is needed first. */
export function pluginLoader(clock: Clock = systemClock): () => Promise<PluginLoader> {
  let made: Promise<PluginLoader> | undefined;
  return () =>
    (made ??= import("../plugins/loader.ts").then(
      ({ PluginLoader }) => new PluginLoader({ clock, tries: true }),
    ));
}

/** Which routes set a timeout, in a configuration as written. */
function hasTimeout(value: unknown): (listener: number, route: number) => boolean {
  const { listeners } = Object(value) as { readonly listeners?: readonly RouteTimeouts[] };
  return (listener, route) => listeners?.[listener]?.routes?.[route]?.policies?.timeout !== undefined;
}

interface RouteTimeouts {
  readonly routes?: readonly { readonly policies?: { readonly timeout?: unknown } }[];
}

function readText(file: string): Either<readonly string[], string> {
  try {
    return right(readWhole(file));
  } catch (error) {
    return left([`${file}: cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`]);
  }
}
