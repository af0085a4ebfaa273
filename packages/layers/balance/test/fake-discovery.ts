import type { Discovery, Endpoint } from "@pagoda/core";

/** Endpoints that come and go as a test says. */
export interface FakeDiscovery {
  readonly discovery: Discovery<Endpoint>;
  /** From now on there are these. */
  set(...keys: readonly string[]): void;
}

export function fakeDiscovery(keys: readonly string[]): FakeDiscovery {
  const listeners = new Set<() => void>();
  let endpoints = keys.map((key) => ({ key }));
  return {
    discovery: {
      get endpoints() {
        return endpoints;
      },
      subscribe(changed) {
        listeners.add(changed);
        return () => listeners.delete(changed);
      },
    },
    set(...next) {
      endpoints = next.map((key) => ({ key }));
      for (const changed of listeners) changed();
    },
  };
}
