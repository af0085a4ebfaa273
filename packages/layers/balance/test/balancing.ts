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
  /** The endpoint of that key that has come last. */
  mock(key: string): Mock<string, string, Refused>;
  /**
   * Makes so many calls that nobody answers, and says how many reached each of those that are
   * there, as `a2 b3`.
   */
  spread(calls: number): string;
  /** What the balancer says of one endpoint. */
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
      // Nobody aborts here.
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

/** Writes down what an observer is told. */
export function notes(): { readonly told: string[]; readonly observer: BalanceObserver } {
  const told: string[] = [];
  const observer: BalanceObserver = {
    came: (key) => told.push(`${key} came`),
    gone: (key) => told.push(`${key} gone`),
    healthChanged: (key, healthy) => told.push(`${key} ${healthy ? "well" : "ill"}`),
    panicked: (panic) => told.push(panic ? "panic" : "calm"),
  };
  return { told, observer };
}
