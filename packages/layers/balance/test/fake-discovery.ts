import type { Discovery, Endpoint } from "@pagoda/core";

/** A discovery controlled by the test. */
export interface FakeDiscovery {
  readonly discovery: Discovery<Endpoint>;
  /** Replaces the endpoints. */
  set(...endpoints: readonly (string | Endpoint)[]): void;
  /** Number of subscribers. */
  readonly listeners: number;
}

export function fakeDiscovery(first: readonly (string | Endpoint)[]): FakeDiscovery {
  const listeners = new Set<() => void>();
  let endpoints = first.map(asEndpoint);
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
      endpoints = next.map(asEndpoint);
      for (const changed of listeners) changed();
    },
    get listeners() {
      return listeners.size;
    },
  };
}

function asEndpoint(endpoint: string | Endpoint): Endpoint {
  return typeof endpoint === "string" ? { key: endpoint } : endpoint;
}
