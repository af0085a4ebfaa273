import type { Endpoint, Fault } from "@pagoda/core";
import { type Mock, mockService, type VirtualClock, virtualClock } from "@pagoda/core/testing";
import {
  balance,
  type BalanceObserver,
  type Balancer,
  type BalanceOptions,
  type NoEndpointReady,
} from "@pagoda/balance";
import { type FakeDiscovery, fakeDiscovery } from "./fake-discovery.ts";

export interface Refused extends Fault<"Refused"> {}
export const refused: Refused = { _tag: "Refused", origin: "upstream", retryable: false };

type Options = BalanceOptions<Endpoint, string, string, Refused>;

export interface Balancing extends Pick<FakeDiscovery, "set"> {
  readonly balanced: Balancer<string, string, Refused | NoEndpointReady>;
  readonly clock: VirtualClock;
  readonly fake: FakeDiscovery;
  /** The latest endpoint with that key. */
  mock(key: string): Mock<string, string, Refused>;
  /**
   * Makes calls that are never answered, and returns how many reached each endpoint, as `a2 b3`.
   */
  spread(calls: number): string;
  /** The balancer's state of one endpoint. */
  stateOf(key: string): unknown;
}

/** A balancer over mocks, in virtual time. */
export function balancing(
  endpoints: readonly (string | Endpoint)[],
  options: Omit<Partial<Options>, "discovery"> = {},
): Balancing {
  const mocks = new Map<string, Mock<string, string, Refused>>();
  const fake = fakeDiscovery(endpoints);
  const clock = virtualClock();
  const balanced = balance<Endpoint, string, string, Refused>({
    discovery: fake.discovery,
    connect({ key }) {
      const mock = mockService<string, string, Refused>(key);
      mocks.set(key, mock);
      // No call is aborted here.
      return mock.service as never;
    },
    clock,
    ...options,
  });
  return {
    balanced,
    clock,
    fake,
    set: (...next) => fake.set(...next),
    mock: (key) => mocks.get(key) as Mock<string, string, Refused>,
    spread(calls) {
      const before = new Map([...mocks].map(([key, mock]) => [key, mock.calls.length]));
      for (let call = 0; call < calls; call++) void balanced.call("request");
      return [...mocks]
        .map(([key, mock]) => [key, mock.calls.length - (before.get(key) ?? 0)] as const)
        .filter(([, made]) => made > 0)
        .map(([key, made]) => `${key}${made}`)
        .join(" ");
    },
    stateOf: (key) => balanced.describe().inner?.find(({ options: own }) => own?.["key"] === key)?.state,
  };
}

/** An observer that records its events. */
export function notes(): { readonly events: string[]; readonly observer: BalanceObserver } {
  const events: string[] = [];
  const observer: BalanceObserver = {
    added: (key) => events.push(`${key} added`),
    removed: (key) => events.push(`${key} removed`),
    healthChanged: (key, healthy) => events.push(`${key} ${healthy ? "well" : "ill"}`),
    panicked: (panic) => events.push(panic ? "panic" : "calm"),
  };
  return { events, observer };
}
