import { checkOption } from "@pagoda/core";
import { Hashing, type HashingOptions } from "../hashing.ts";
import { MaglevTable } from "../maglev-table.ts";
import type { Strategy } from "../strategy.ts";

/** Options of {@link maglev}. */
export interface MaglevOptions<in Req> extends HashingOptions<Req> {
  /**
   * Number of slots: a prime up to 5,000,011, a hundred times the number of endpoints or more.
   * Default 65,537, as in the paper and in Envoy.
   */
  readonly tableSize?: number;
}

/** As in Envoy. */
const maxTableSize = 5_000_011;

/**
 * Sends the same key to the same endpoint, like {@link ringHash}, but by a lookup table whose
 * shares are even to within 1% for up to 650 endpoints. Use it if even shares matter more than a
 * few keys: when an endpoint is added or removed, some keys of others move, too.
 *
 * Cost per pick: about 60 ns among 1,000 endpoints, including the hash of a short key. The first
 * pick after any change, including health, rebuilds the table in about 6 ms for any number of
 * endpoints. Memory: 4 bytes per slot.
 *
 * Errors: an exception from `key` is a defect and rejects the call.
 *
 * Source: D. E. Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer"
 * (2016), section 3.4; weights as in Envoy; the bounded load is that of V. Mirrokni et al.,
 * "Consistent Hashing with Bounded Loads" (2018).
 *
 * @throws RangeError when an option is out of range.
 */
export function maglev<Req>(options: MaglevOptions<Req>): Strategy<Req> {
  const { tableSize = 65_537, seed = 0 } = options;
  const isValid = tableSize <= maxTableSize && isPrime(tableSize);
  checkOption("balance: tableSize", tableSize, isValid, `a prime number from 2 to ${maxTableSize}`);
  const settings = { tableSize, seed };
  return new Hashing("maglev", { tableSize }, options, (list) => new MaglevTable(list, settings));
}

function isPrime(number: number): boolean {
  if (!Number.isInteger(number) || number < 2) return false;
  for (let factor = 2; factor * factor <= number; factor++) if (number % factor === 0) return false;
  return true;
}
