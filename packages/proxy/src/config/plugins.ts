import { resolve as absolute } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Either, isLeft, left, right } from "@pagoda/core";
import { moduleResolve } from "import-meta-resolve";
import { isChanged, type LoadedPlugin, type PluginLoader } from "../plugins/loader.ts";
import type { AnyPolicy } from "../policies/policy.ts";
import { type PolicyRegistry, registryOf } from "../policies/registry.ts";
import type { ConfigDocument, Problem } from "./document.ts";
import { pluginNames } from "./plugin-names.ts";
import { nameProblems, placeProblems, schemaProblem, tagProblems } from "./plugin-problems.ts";

/** What the plugins of a configuration contribute. */
export interface Plugins {
  readonly loaded: readonly LoadedPlugin[];
  /** Those of the program, and of the plugins that can be used. */
  readonly policies: PolicyRegistry;
  readonly problems: readonly Problem[];
  /** Plugins whose files have changed since they were loaded. */
  readonly warnings: readonly Problem[];
}

/**
 * Loads the plugins of a configuration and checks them together.
 *
 * @param file The configuration file, from which paths and names are resolved.
 * @param base The policies that the program has without them.
 */
export async function pluginsOf(
  document: ConfigDocument,
  file: string | undefined,
  loader: PluginLoader,
  base: PolicyRegistry,
): Promise<Plugins> {
  const names = pluginNames(document.value);
  const problems: Problem[] = [];
  const report = (at: number, message: string): void => {
    problems.push(document.problem(["plugins", at], `${names[at]}: ${message}`));
  };
  const results = await Promise.all(names.map((name) => loaded(name, file, loader)));
  const usable = new Map<AnyPolicy, number>();
  results.forEach((result, at) => {
    if (isLeft(result)) return report(at, result.left);
    const { policy } = result.right;
    const problem = usable.has(policy) ? "is listed twice" : schemaProblem(policy);
    if (problem === undefined) usable.set(policy, at);
    else report(at, problem);
  });
  const check = (find: typeof nameProblems): void => {
    for (const { policy, message } of find([...usable.keys()], base.all)) {
      report(usable.get(policy) as number, message);
      // Its other problems would follow from this one.
      usable.delete(policy);
    }
  };
  check(nameProblems);
  check(tagProblems);
  const others = [...usable.keys()];
  // A neighbour may be a policy that was left out.
  if (problems.length === 0) check(placeProblems);
  const all = results.flatMap((result) => (isLeft(result) ? [] : [result.right]));
  return {
    loaded: all,
    policies: registryOf(others, base),
    problems,
    warnings: all
      .filter(isChanged)
      .map(({ name }) =>
        document.problem(
          ["plugins", names.indexOf(name)],
          `${name}: has changed; restart or replace the process (SIGUSR2) to use it`,
        ),
      ),
  };
}

async function loaded(
  name: string,
  file: string | undefined,
  loader: PluginLoader,
): Promise<Either<string, LoadedPlugin>> {
  const url = located(name, file);
  return isLeft(url) ? url : loader.load({ name, url: url.right });
}

/** Those of `import`. */
const conditions: Set<string> = new Set(["node", "import"]);

/** The URL of a module; `Left`: why there is none. */
function located(name: string, file: string | undefined): Either<string, string> {
  const from = pathToFileURL(absolute(file ?? "pagoda.yaml"));
  try {
    return right(moduleResolve(name, from, conditions).href);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "ERR_MODULE_NOT_FOUND") return left(message);
    return left(
      /^(?:\.{0,2}\/|file:)/.test(name)
        ? `must be the path of a module, relative to this file (${fileURLToPath(new URL(name, from))} does not exist)`
        : "must be a package that is installed beside this file, or a path such as ./policy.ts",
    );
  }
}
