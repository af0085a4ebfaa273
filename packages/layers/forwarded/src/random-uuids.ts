import { randomFillSync } from "node:crypto";

/** UUIDs made at once. */
const batch = 128;

/**
 * Returns a function that makes random UUIDs (version 4, RFC 9562), as `crypto.randomUUID` does, from
 * the same source of randomness. They are formatted in batches, which halves the cost: about 80 ns.
 */
export function randomUuids(): () => string {
  const random = new Uint8Array(16 * batch);
  const formatted = Buffer.alloc(length * batch, "-");
  let text = "";
  let next = 0;
  return () => {
    if (next === text.length) {
      randomFillSync(random);
      for (let i = 0; i < batch; i++) format(random, 16 * i, formatted, length * i);
      text = formatted.toString("latin1");
      next = 0;
    }
    return text.slice(next, (next += length));
  };
}

const length = 36;
const digits = Buffer.from("0123456789abcdef");

function format(random: Uint8Array, from: number, to: Buffer, start: number): void {
  let at = start;
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) at++;
    let byte = random[from + i] as number;
    if (i === 6) byte = (byte & 0x0f) | 0x40;
    if (i === 8) byte = (byte & 0x3f) | 0x80;
    to[at++] = digits[byte >> 4] as number;
    to[at++] = digits[byte & 0x0f] as number;
  }
}
