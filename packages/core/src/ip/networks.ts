import { rangeError } from "../options.ts";
import { maskOf, maskWords, readAddress, words, writeAddress } from "./words.ts";

/** What {@link canonicalNetwork} accepts, for messages. */
export const validNetwork = "an IP address or a network such as 10.0.0.0/8";

/**
 * Returns the canonical text of an address or a network (CIDR): `10.0.0.0/8`, and a single address
 * without its prefix length. Bits beyond the prefix are cleared. IPv4-mapped IPv6 networks are not
 * accepted, because parsers disagree about the meaning of their prefix length.
 *
 * @example canonicalNetwork("10.1.2.3/8") // "10.0.0.0/8"
 * @returns `undefined` when the text is neither.
 */
export function canonicalNetwork(text: string): string | undefined {
  const network = readNetwork(text);
  if (network === undefined) return undefined;
  const { version, bits } = network;
  const address = writeAddress(version);
  return bits === (version === 4 ? 32 : 128) ? address : `${address}/${bits}`;
}

/** Leaves the first address of the network in `words`. */
function readNetwork(text: string): { readonly version: 4 | 6; readonly bits: number } | undefined {
  const [, address = "", length] = /^([\dA-Fa-f:.]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = readAddress(address, 0, address.length);
  if (version === 0) return undefined;
  const most = version === 4 ? 32 : 128;
  const bits = length === undefined ? most : Number(length);
  // `::ffff:10.0.0.0/104` is an IPv4 address with an IPv6 prefix length.
  if (bits > most || (version === 4 && address.includes(":"))) return undefined;
  maskWords(bits, version === 4 ? 1 : 4);
  return { version, bits };
}

/**
 * A set of addresses and networks. IPv4 and IPv6 are separate: `::/0` contains no IPv4 address, and
 * `0.0.0.0/0` contains IPv4-mapped IPv6 addresses.
 *
 * Cost of `has`: about 50 ns for IPv4 and 100 ns for IPv6. It grows with the logarithm of the
 * number of networks and allocates nothing.
 */
export class NetworkSet {
  readonly #four: Ranges;
  readonly #six: Ranges;

  /** @throws RangeError naming the first entry that is neither an address nor a network. */
  constructor(networks: readonly string[]) {
    const four: Range[] = [];
    const six: Range[] = [];
    networks.forEach((text, at) => {
      const network = readNetwork(text);
      if (network === undefined) throw rangeError(`networks[${at}]`, validNetwork, text);
      const { version, bits } = network;
      const count = version === 4 ? 1 : 4;
      const first = [...words.subarray(0, count)];
      const last = first.map((word, n) => (word | ~maskOf(bits - 32 * n)) >>> 0);
      (version === 4 ? four : six).push({ first, last });
    });
    this.#four = new Ranges(four, 1);
    this.#six = new Ranges(six, 4);
  }

  /**
   * Whether an address is in one of the networks. Returns false for text that is not an address.
   */
  has(address: string): boolean {
    const version = readAddress(address, 0, address.length);
    if (version === 0) return false;
    return (version === 4 ? this.#four : this.#six).hasRead();
  }
}

interface Range {
  readonly first: readonly number[];
  readonly last: readonly number[];
}

/** Sorted ranges, none of which contains another. */
class Ranges {
  readonly #first: Uint32Array;
  readonly #last: Uint32Array;
  /** Words per address. */
  readonly #count: number;
  readonly #size: number;

  constructor(ranges: readonly Range[], count: number) {
    // Two networks are either disjoint or one contains the other. Of two with the same start the
    // larger comes first.
    const sorted = ranges.toSorted((a, b) => compare(a.first, b.first) || compare(b.last, a.last));
    const apart: Range[] = [];
    for (const range of sorted) {
      const before = apart.at(-1);
      if (before === undefined || compare(range.first, before.last) > 0) apart.push(range);
    }
    this.#count = count;
    this.#size = apart.length;
    this.#first = Uint32Array.from(apart.flatMap(({ first }) => first));
    this.#last = Uint32Array.from(apart.flatMap(({ last }) => last));
  }

  /** Whether the address that was read last is in one of the ranges. */
  hasRead(): boolean {
    let from = 0;
    let to = this.#size;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#compare(this.#first, middle) < 0) to = middle;
      else if (this.#compare(this.#last, middle) > 0) from = middle + 1;
      else return true;
    }
    return false;
  }

  #compare(bounds: Uint32Array, at: number): number {
    const count = this.#count;
    for (let n = 0; n < count; n++) {
      const difference = (words[n] as number) - (bounds[at * count + n] as number);
      if (difference !== 0) return difference;
    }
    return 0;
  }
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let n = 0; n < a.length; n++) {
    const difference = (a[n] as number) - (b[n] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}
