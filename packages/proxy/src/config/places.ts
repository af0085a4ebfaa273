import type { PolicyRegistry } from "../policies/registry.ts";
import { configured, type SettingsOf, type Stack } from "../policies/stack.ts";
import { listenerName } from "./names.ts";
import type { Config } from "./schema/config.ts";

/** The name under which policies of a listener or route keep state over reloads. */
export function placeName(listener: string, route?: string): string {
  return route === undefined ? `listener ${listener}` : `listener ${listener}, route ${route}`;
}

/**
 * The places with a policy whose state all workers share: the main process keeps it under their
 * names.
 */
export function sharedPlaces({ listeners }: Config, policies: PolicyRegistry): ReadonlySet<string> {
  const places = new Set<string>();
  for (const listener of listeners) {
    const name = listenerName(listener);
    if (isShared(policies.listener, listener.policies)) places.add(placeName(name));
    for (const route of listener.routes)
      if (isShared(policies.route, route.policies)) places.add(placeName(name, route.name));
  }
  return places;
}

function isShared<S extends Stack>(stack: S, settings: SettingsOf<S>): boolean {
  return configured(stack, settings).some(([{ state }]) => state?.isShared === true);
}
