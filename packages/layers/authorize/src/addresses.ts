import { BlockList, isIP, type IPVersion } from "node:net";

/** An address, to be looked for in several lists. */
export interface Address {
  readonly text: string;
  /** How it is written. */
  readonly family: IPVersion;
  /** As a range is: one of IPv4 in the clothes of IPv6 is one of IPv4. */
  readonly version: 4 | 6;
}

/** `::ffff:0:0/96`: addresses of IPv4 as a socket shows them that listens to both versions. */
const mapped = new BlockList();
mapped.addSubnet("::ffff:0:0", 96, "ipv6");

/** `undefined`: the text is no IP address. */
export function addressOf(text: string): Address | undefined {
  const written = isIP(text);
  if (written === 0) return undefined;
  const family = written === 4 ? "ipv4" : "ipv6";
  return { text, family, version: written === 4 || mapped.check(text, family) ? 4 : 6 };
}

/** A range of addresses, as rules name it. */
export interface Range {
  readonly address: string;
  readonly version: 4 | 6;
  /** How many of its first bits count. */
  readonly bits: number;
}

/** `undefined`: the text is neither an address nor a range, or one of IPv4 that is written as one of IPv6. */
export function rangeOf(text: string): Range | undefined {
  const [, written = "", bitsText] = /^([\dA-Fa-f:.]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = addressOf(written);
  if (address === undefined || isIP(written) !== address.version) return undefined;
  const { version } = address;
  const most = version === 4 ? 32 : 128;
  const bits = bitsText === undefined ? most : Number(bitsText);
  return bits <= most ? { address: written, version, bits } : undefined;
}

/** Ranges of both versions. They are kept apart, or `::/0` would hold the addresses of IPv4, too. */
export class AddressSet {
  readonly #four = new BlockList();
  readonly #six = new BlockList();

  constructor(ranges: readonly Range[]) {
    for (const { address, version, bits } of ranges) {
      if (version === 4) this.#four.addSubnet(address, bits, "ipv4");
      else this.#six.addSubnet(address, bits, "ipv6");
    }
  }

  has({ text, family, version }: Address): boolean {
    return (version === 4 ? this.#four : this.#six).check(text, family);
  }
}
