import type { Config } from "../../config/schema/config.ts";
import type { Resolved } from "../../config/resolved.ts";
import type { AnyPolicy, PolicyPlace } from "../../policies/policy.ts";
import type { PolicyRegistry } from "../../policies/registry.ts";
import { configured, type SettingsOf } from "../../policies/stack.ts";
import { endpointCount } from "../scenario/read.ts";
import type { Scenario } from "../scenario/schema.ts";
import { differences } from "./differences.ts";

/** A configuration as it is simulated. */
export interface Simulatable {
  readonly resolved: Resolved;
  /** What is left out or assumed, a line each. */
  readonly notes: readonly string[];
}

/**
 * Replaces what only works outside a simulation: discovered endpoints are listed, and policies that
 * cannot be simulated are left out.
 */
export function simulatable(
  { config, files }: Resolved,
  policies: PolicyRegistry,
  { origins }: Scenario,
): Simulatable {
  const notes = new Set<string>();
  const without = <Place extends PolicyPlace>(place: Place, settings: SettingsOf<PolicyRegistry[Place]>) => {
    const all = configured(policies[place], settings as never) as readonly (readonly [AnyPolicy, unknown])[];
    const left = all.flatMap(([policy, its]) => {
      const reason = policy.notSimulated?.(its) as string | undefined;
      return reason === undefined ? [] : [[policy.name, reason] as const];
    });
    if (left.length === 0) return settings;
    for (const [name, reason] of left) notes.add(`${name} is not simulated: ${reason}`);
    const names = new Set(left.map(([name]) => name));
    return Object.fromEntries(
      Object.entries(settings).filter(([name]) => !names.has(name)),
    ) as typeof settings;
  };
  const clusters = Object.entries(config.clusters).map(([name, cluster]) => {
    const { dns: _, srv: __, kubernetes: ___, xds: ____, file: _____, ...rest } = cluster;
    const count = endpointCount(cluster, origins[name]);
    const listed = Array.from({ length: count }, (_, n) => `http://${name}-${n}.simulated:80`);
    return [name, { ...rest, endpoints: cluster.endpoints ?? listed }] as const;
  });
  const simulated: Config = {
    ...config,
    listeners: config.listeners.map((listener) => ({
      ...listener,
      policies: without("listener", listener.policies),
      routes: listener.routes.map((route) => ({ ...route, policies: without("route", route.policies) })),
    })),
    clusters: Object.fromEntries(clusters),
    // Each failed request would have a line.
    log: { ...config.log, access: false },
    tracing: undefined,
  };
  for (const note of differences(config, policies)) notes.add(note);
  return { resolved: { config: simulated, files }, notes: [...notes] };
}
