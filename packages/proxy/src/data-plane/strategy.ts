import {
  leastRequest,
  maglev,
  peakEwma,
  random,
  ringHash,
  roundRobin,
  type Strategy,
  weightedRoundRobin,
} from "@pagoda/balance";
import type { Random } from "@pagoda/core";
import type { FromClient, HttpRequest } from "@pagoda/http";
import type { ClusterConfig } from "../config/schema/cluster.ts";
import { identityOf } from "../policies/client.ts";

const plain = {
  "round-robin": roundRobin,
  "weighted-round-robin": weightedRoundRobin,
  random,
  "least-request": leastRequest,
  "peak-ewma": peakEwma,
} as const;

/** Creates the load-balancing strategy of a cluster; each balancer has its own. */
export function strategyOf(
  balance: ClusterConfig["balance"],
  chance: Random,
): Strategy<HttpRequest & FromClient> {
  if (typeof balance === "string") return plain[balance]({ random: chance });
  const { strategy, key } = balance;
  const hashing = strategy === "maglev" ? maglev : ringHash;
  return hashing({ key: keyOf(key), random: chance });
}

type HashKey = Exclude<ClusterConfig["balance"], string>["key"];

/** The hash key of calls of one client, or for one resource. */
function keyOf(key: HashKey): (request: HttpRequest & FromClient) => string | undefined {
  if (key === "address") return ({ client }) => client.address;
  if (key === "identity") return identityOf;
  if (key === "path") return ({ path }) => path;
  const { header } = key;
  return ({ headers }) => headers.get(header);
}
