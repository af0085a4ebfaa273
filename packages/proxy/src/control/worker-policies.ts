import { type Either, isLeft, left, right, systemClock } from "@pagoda/core";
import type { Logger } from "pino";
import type { Plugin, PluginLoader } from "../plugins/loader.ts";
import type { AnyPolicy } from "../policies/policy.ts";
import { builtInPolicies, type PolicyRegistry, registryOf, stacksText } from "../policies/registry.ts";
import type { ConfigRefused } from "./protocol.ts";

/** The policies of a worker: those that the main process has checked the configuration with. */
export class WorkerPolicies {
  readonly #log: Logger;
  readonly #own: PolicyRegistry;
  #loader: PluginLoader | undefined;

  /** @param own The policies of the program, besides the built-in ones. */
  constructor(log: Logger, own: readonly AnyPolicy[] = []) {
    this.#log = log;
    this.#own = own.length === 0 ? builtInPolicies : registryOf(own);
  }

  /**
   * @param stacks The policies of the main process: with others, the configuration would mean
   * something else here.
   */
  async of(plugins: readonly Plugin[], stacks: string): Promise<Either<ConfigRefused, PolicyRegistry>> {
    const others = await this.#load(plugins);
    if (isLeft(others)) return others;
    const policies = others.right.length === 0 ? this.#own : registryOf(others.right, this.#own);
    if (stacksText(policies) !== stacks)
      return refused(`the policies of a worker must be ${stacks} (got ${stacksText(policies)})`);
    return right(policies);
  }

  async #load(plugins: readonly Plugin[]): Promise<Either<ConfigRefused, readonly AnyPolicy[]>> {
    const policies: AnyPolicy[] = [];
    for (const plugin of plugins) {
      const loader = (this.#loader ??= await pluginLoader());
      // The main process has tried it.
      const loaded = await loader.load(plugin);
      if (isLeft(loaded)) return refused(`plugin ${plugin.name}: ${loaded.left}`);
      if (loaded.right.digest !== plugin.digest)
        this.#log.warn({ plugin: plugin.name }, "plugin changed since the main process loaded it");
      policies.push(loaded.right.policy);
    }
    return right(policies);
  }
}

async function pluginLoader(): Promise<PluginLoader> {
  const { PluginLoader } = await import("../plugins/loader.ts");
  return new PluginLoader({ clock: systemClock, tries: false });
}

function refused(reason: string): Either<ConfigRefused, never> {
  return left({ _tag: "ConfigRefused", reason });
}
