import { addressText } from "../config/address.ts";
import type { ListenerConfig } from "../config/schema/config.ts";
import type { RateLimitPolicy } from "../config/schema/policies.ts";
import type { SharedLimits } from "./types.ts";

/** What a listener is called: what it says, or else its address. */
export function listenerName({ name, address }: ListenerConfig): string {
  return name ?? addressText(address);
}

/** Limits are called after the listener or route that they are of: over reloads they go on under that name. */
export function limitName(listener: string, route?: string): string {
  return route === undefined ? `listener ${listener}` : `listener ${listener}, route ${route}`;
}

/** The names of the limits that all workers share. */
export const sharedLimits: SharedLimits = ({ config }) => {
  const limits = new Set<string>();
  const add = (name: string, policy: RateLimitPolicy | undefined): void => {
    if (policy !== undefined) limits.add(name);
  };
  for (const listener of config.listeners) {
    const { policies, routes } = listener;
    const name = listenerName(listener);
    add(limitName(name), policies.rateLimit);
    for (const route of routes) add(limitName(name, route.name), route.policies.rateLimit);
  }
  return limits;
};
