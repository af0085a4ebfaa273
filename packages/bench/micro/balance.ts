import {
  balance,
  type Candidate,
  leastRequest,
  maglev,
  peakEwma,
  random,
  ringHash,
  roundRobin,
  type Strategy,
  weightedRoundRobin,
} from "@pagoda/balance";
import { right, service, staticEndpoints } from "@pagoda/core";
import type { Group, Subject } from "./subject.ts";

const count = 1_000;
const keyCount = 4_096;

interface Keyed {
  readonly user: string;
}

const key = ({ user }: Keyed): string => user;
const requests: readonly Keyed[] = Array.from({ length: keyCount }, (_, n) => ({ user: `user-${n}` }));
const endpoints = Array.from({ length: count }, (_, n) => ({ key: `http://10.0.0.${n}:8080` }));
const answer = Promise.resolve(right("hello"));

/** Endpoints that are ready, with different weights and calls in flight. */
function candidates(strategy: Strategy<never>): readonly Candidate[] {
  return endpoints.map((endpoint, n) => ({
    key: endpoint.key,
    weight: 1 + (n % 5),
    pending: n % 7,
    share: 1,
    load: strategy.load?.(endpoint, 0),
    isReady: () => true,
  }));
}

/** Only the choice, among endpoints that are all ready and had a call within the last 41 ms. */
function pick(make: () => Strategy<Keyed>): Subject {
  const { name } = make();
  return {
    what: `balance pick by ${name} of 1,000 endpoints, given the time`,
    prepare() {
      const strategy = make();
      strategy.update(candidates(strategy));
      let at = 0;
      return {
        run() {
          at = (at + 1) % keyCount;
          return strategy.pick(requests[at] as Keyed, at * 0.01);
        },
      };
    },
    target: { mostNs: 100 },
    reason: "1,000 endpoints in random order do not fit into the first-level caches, and each pick reads two",
  };
}

export const balancing: Group = {
  name: "balance",
  subjects: [
    pick(roundRobin),
    pick(weightedRoundRobin),
    pick(random),
    pick(leastRequest),
    pick(peakEwma),
    pick(() => ringHash({ key })),
    pick(() => maglev({ key })),
    {
      what: "balance call by least-request of 1,000 endpoints around a resolved leaf",
      prepare() {
        const balanced = balance({
          discovery: staticEndpoints(endpoints),
          connect: ({ key: name }) => service(name, (_request: Keyed) => answer),
          strategy: leastRequest(),
        });
        return { run: () => balanced.call(requests[0] as Keyed) };
      },
      reason: "for information: includes readiness, counting and the leaf",
    },
  ],
};
