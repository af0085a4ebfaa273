/** DER (X.690), as far as certificates need it. */
export type Der = Uint8Array;

const encoder = new TextEncoder();

export function sequence(...parts: readonly Der[]): Der {
  return element(0x30, ...parts);
}

export function set(...parts: readonly Der[]): Der {
  return element(0x31, ...parts);
}

/** `[n] EXPLICIT`. */
export function tagged(n: number, ...parts: readonly Der[]): Der {
  return element(0xa0 + n, ...parts);
}

/** `[n] IMPLICIT` of a primitive value. */
export function taggedBytes(n: number, bytes: Der): Der {
  return element(0x80 + n, bytes);
}

/** @param bytes A non-negative number, most significant byte first. */
export function integer(bytes: Der): Der {
  return element(0x02, (bytes[0] as number) >= 0x80 ? Uint8Array.of(0) : Uint8Array.of(), bytes);
}

export function boolean(value: boolean): Der {
  return element(0x01, Uint8Array.of(value ? 0xff : 0));
}

export function octets(...parts: readonly Der[]): Der {
  return element(0x04, ...parts);
}

export function bits(bytes: Der): Der {
  return element(0x03, Uint8Array.of(0), bytes);
}

export function utf8(text: string): Der {
  return element(0x0c, encoder.encode(text));
}

/** @param dotted `2.5.4.3` */
export function oid(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return element(0x06, Uint8Array.from([40 * first + second, ...rest].flatMap(base128)));
}

/** A time with a resolution of one second. */
export function time(ms: number): Der {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  // RFC 5280, 4.1.2.5: two-digit years until 2049.
  return digits < "2050"
    ? element(0x17, encoder.encode(digits.slice(2)))
    : element(0x18, encoder.encode(digits));
}

function element(tag: number, ...parts: readonly Der[]): Der {
  const content = joined(parts);
  return joined([Uint8Array.from([tag, ...lengthBytes(content.length)]), content]);
}

function joined(parts: readonly Der[]): Der {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 + bytes.length, ...bytes];
}

function base128(n: number): number[] {
  const bytes = [n % 128];
  for (let rest = Math.floor(n / 128); rest > 0; rest = Math.floor(rest / 128))
    bytes.unshift(0x80 + (rest % 128));
  return bytes;
}
