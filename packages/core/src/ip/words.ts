/**
 * The bits of the address that was read last, in 32-bit words: only the first for IPv4, all four
 * for IPv6. They are shared by all addresses, because parsing is on the path of every request and
 * should allocate nothing.
 */
export const words: Uint32Array = new Uint32Array(4);

/** 0 means: not an IP address. */
export type IpVersion = 0 | 4 | 6;

/**
 * Parses an IPv4 or IPv6 address from a part of a text into {@link words}. A zone (`%eth0`) is
 * skipped. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) is parsed as the IPv4 address.
 */
export function readAddress(text: string, from: number, to: number): IpVersion {
  // An IPv6 address has a colon among its first five characters, an IPv4 address has none.
  for (let at = from; at < to && at < from + 5; at++)
    if (text.charCodeAt(at) === colon) return readIpv6(text, from, to);
  const value = readIpv4(text, from, to);
  if (value === -1) return 0;
  words[0] = value;
  return 4;
}

const dot = 46;
const colon = 58;
const percent = 37;

/**
 * Parses four decimal numbers. Octal, hexadecimal and short forms mean different things to
 * different parsers.
 */
function readIpv4(text: string, from: number, to: number): number {
  let value = 0;
  let part = 0;
  let digits = 0;
  let parts = 1;
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code === dot) {
      if (digits === 0 || ++parts > 4) return -1;
      value = value * 256 + part;
      part = 0;
      digits = 0;
      continue;
    }
    const digit = code - 48;
    if (digit < 0 || digit > 9 || (digits > 0 && part === 0)) return -1;
    part = part * 10 + digit;
    if (part > 255) return -1;
    digits++;
  }
  return parts === 4 && digits > 0 ? value * 256 + part : -1;
}

/** The eight groups of an IPv6 address while it is parsed. */
const groups = new Uint16Array(8);

function readIpv6(text: string, from: number, to: number): IpVersion {
  let count = 0;
  /** Position of the groups that `::` stands for. */
  let gap = -1;
  let at = from;
  if (text.charCodeAt(at) === colon) {
    if (at + 1 >= to || text.charCodeAt(at + 1) !== colon) return 0;
    gap = 0;
    at += 2;
  }
  while (at < to && text.charCodeAt(at) !== percent) {
    const start = at;
    let group = 0;
    let digit: number;
    while (at < to && (digit = hexDigit(text.charCodeAt(at))) !== -1 && at - start < 4) {
      group = group * 16 + digit;
      at++;
    }
    const next = at < to ? text.charCodeAt(at) : percent;
    if (next === dot) {
      if (count > 6) return 0;
      const sign = text.indexOf("%", at);
      const end = sign === -1 || sign >= to ? to : sign;
      const last = readIpv4(text, start, end);
      if (last === -1) return 0;
      groups[count++] = last >>> 16;
      groups[count++] = last & 0xffff;
      at = end;
      continue;
    }
    if (at === start || count === 8) return 0;
    groups[count++] = group;
    if (next === percent) continue;
    if (next !== colon) return 0;
    at++;
    if (at < to && text.charCodeAt(at) === colon) {
      if (gap !== -1) return 0;
      gap = count;
      at++;
    } else if (at >= to || text.charCodeAt(at) === percent) return 0;
  }
  if (at < to && !zone.test(text.slice(at, to))) return 0;
  if (gap === -1 ? count !== 8 : count > 7) return 0;
  if (gap !== -1) {
    groups.copyWithin(8 - (count - gap), gap, count);
    groups.fill(0, gap, 8 - (count - gap));
  }
  for (let n = 0; n < 4; n++) words[n] = (groups[2 * n] as number) * 65_536 + (groups[2 * n + 1] as number);
  if (words[0] !== 0 || words[1] !== 0 || words[2] !== 0xffff) return 6;
  words[0] = words[3] as number;
  return 4;
}

/** The zones that Node accepts. */
const zone = /^%[\dA-Za-z.:-]+$/;

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** Returns the canonical text of the address in {@link words}, for IPv6 that of RFC 5952. */
export function writeAddress(version: 4 | 6): string {
  if (version === 4) {
    const value = words[0] as number;
    return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
  }
  for (let n = 0; n < 4; n++) {
    groups[2 * n] = (words[n] as number) >>> 16;
    groups[2 * n + 1] = (words[n] as number) & 0xffff;
  }
  // `::` stands for the longest run of zeros, the first of several, if it is longer than one group.
  let start = -1;
  let length = 1;
  for (let n = 0; n < 8; n++) {
    let zeros = 0;
    while (n + zeros < 8 && groups[n + zeros] === 0) zeros++;
    if (zeros > length) [start, length] = [n, zeros];
    n += zeros;
  }
  let text = "";
  for (let n = 0; n < 8; n++) {
    if (n === start) {
      text += "::";
      n += length - 1;
    } else {
      if (n > 0 && n !== start + length) text += ":";
      text += (groups[n] as number).toString(16);
    }
  }
  return text;
}

/** Keeps only the first bits of the address that was read last. */
export function maskWords(bits: number, count: number): void {
  for (let n = 0; n < count; n++) words[n] = (words[n] as number) & maskOf(bits - 32 * n);
}

/** Returns a word with its first bits set. */
export function maskOf(bits: number): number {
  if (bits >= 32) return 0xffffffff;
  return bits <= 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
}
