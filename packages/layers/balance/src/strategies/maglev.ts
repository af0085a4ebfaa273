import { checkOption } from "@pagoda/core";
import { Hashing, type HashingOptions } from "../hashing.ts";
import { MaglevTable } from "../maglev-table.ts";
import type { Strategy } from "../strategy.ts";

export interface MaglevOptions<in Req> extends HashingOptions<Req> {
  /**
   * A prime number up to 5,000,011, a hundred times the number of endpoints or more. Default 65,537, the paper's and
   * Envoy's.
   */
  readonly tableSize?: number;
}

/** Envoy's. */
const maxTableSize = 5_000_011;

/**
 * The same endpoint for the same key, as {@link ringHash}, by a table: shares are even to within 1%, for up to 650
 * endpoints. Use it where even shares matter more than a few keys: when one endpoint comes or goes, some keys of others
 * move, too.
 *
 * Cost per pick: about 60 ns among 1,000 endpoints, the hash of a short key included. The first pick after any change,
 * of health too, makes the table: about 6 ms, however many endpoints there are. Memory: 4 bytes a place.
 *
 * Errors: what `key` throws is a defect, and rejects the call.
 *
 * Source: D. E. Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer" (2016), section 3.4;
 * weights as in Envoy; the limit of load is that of V. Mirrokni et al., "Consistent Hashing with Bounded Loads" (2018).
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
