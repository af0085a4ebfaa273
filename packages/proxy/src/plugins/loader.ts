import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Clock, type Either, isLeft, left, right } from "@pagoda/core";
import type { AnyPolicy } from "../policies/policy.ts";
import { importsOf, recordImports } from "./imports.ts";
import { policyProblem } from "./validate.ts";
import { failedText, loadMs, tooLate, tryToLoad } from "./trial.ts";
import { within } from "../within.ts";

/** A module whose default export is a policy. */
export interface Plugin {
  /** As in the configuration. */
  readonly name: string;
  readonly url: string;
  /** The URLs of the local files that it imports. */
  readonly imports?: readonly string[];
  /** Of its files when it was loaded: see {@link isChanged}. */
  readonly digest?: string | undefined;
}

export interface PluginLoaderOptions {
  readonly clock: Clock;
  /**
   * Loads each module in a thread first, which can be ended if the module hangs or exits. For the
   * first process that loads it.
   */
  readonly tries: boolean;
}

export interface LoadedPlugin extends Plugin {
  readonly policy: AnyPolicy;
}

/**
 * Loads plugins, each once in a process: Node keeps a module as long as the process lives, so a
 * changed one takes effect in the next process.
 */
export class PluginLoader {
  readonly #options: PluginLoaderOptions;
  readonly #loaded = new Map<string, LoadedPlugin>();
  /** How often a module was loaded that turned out to be wrong. */
  readonly #wrong = new Map<string, number>();

  constructor(options: PluginLoaderOptions) {
    this.#options = options;
  }

  /** `Left`: what is wrong with it. */
  async load(plugin: Plugin): Promise<Either<string, LoadedPlugin>> {
    const { name, url } = plugin;
    const known = this.#loaded.get(url);
    if (known !== undefined) return right(known);
    recordImports();
    const own = digestOf(url);
    const found = await this.#import(url);
    if (isLeft(found)) return found;
    const problem = policyProblem(found.right.default);
    if (problem !== undefined) {
      this.#wrong.set(url, (this.#wrong.get(url) ?? 0) + 1);
      return left(problem);
    }
    const imports = importsOf(url);
    const digest = [own, ...imports.map(digestOf)].join();
    const loaded = { name, url, imports, digest, policy: found.right.default as AnyPolicy };
    this.#loaded.set(url, loaded);
    return right(loaded);
  }

  async #import(url: string): Promise<Either<string, { readonly default?: unknown }>> {
    const { clock, tries } = this.#options;
    if (tries) {
      const problem = await tryToLoad(url, clock);
      if (problem !== undefined) return left(problem);
    }
    // Node would return the former module, although its file may have been corrected.
    const times = this.#wrong.get(url);
    const fresh = times === undefined ? url : `${url}?${times}`;
    try {
      const found = await within(loadMs, import(fresh) as Promise<{ readonly default?: unknown }>, clock);
      return found === "late" ? left(tooLate) : right(found);
    } catch (error) {
      return left(failedText(error));
    }
  }
}

/** Whether one of its files has changed since it was loaded. */
export function isChanged({ url, imports = [], digest }: Plugin): boolean {
  return [url, ...imports].map(digestOf).join() !== digest;
}

/** Undefined if the file cannot be read. */
function digestOf(url: string): string | undefined {
  try {
    return createHash("sha256")
      .update(readFileSync(fileURLToPath(url)))
      .digest("hex");
  } catch {
    return undefined;
  }
}
