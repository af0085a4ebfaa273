import { type Clock, systemClock } from "@pagoda/core";

/** UUIDs made at once. */
const batch = 128;

/**
 * Returns a function that makes random UUIDs (version 4, RFC 9562), as `crypto.randomUUID` does, from
 * the same source of randomness. They are formatted in batches, which halves the cost: about 80 ns.
 */
export function randomUuids(): () => string {
  const random = new Uint8Array(16 * batch);
  const formatted = new Uint8Array(length * batch).fill(hyphen);
  const decoder = new TextDecoder();
  let text = "";
  let next = 0;
  return () => {
    if (next === text.length) {
      crypto.getRandomValues(random);
      for (let i = 0; i < batch; i++) format(random, 16 * i, formatted, length * i);
      text = decoder.decode(formatted);
      next = 0;
    }
    return text.slice(next, (next += length));
  };
}

/**
 * Returns a function that makes UUIDs in order of time (version 7, RFC 9562): the milliseconds since
 * 1970, a counter of 12 bits, and 62 random bits. Use them where ids become keys of a database: its
 * index grows at the end. Each UUID is greater than the one before, even if the clock is set back.
 * They reveal when they were made.
 *
 * Cost: about 70 ns more than a random one.
 *
 * Source: RFC 9562, 5.7, and 6.2, method 1, whose counter starts at a random value below 2,048.
 */
export function timeOrderedUuids(clock: Clock = systemClock): () => string {
  const random = randomUuids();
  let lastMs = -1;
  let time = "";
  let count = 0;
  const begin = (ms: number, uuid: string): void => {
    lastMs = ms;
    const digits = ms.toString(16).padStart(12, "0");
    time = `${digits.slice(0, 8)}-${digits.slice(8)}-7`;
    count = Number.parseInt(uuid.slice(15, 18), 16) & 0x7ff;
  };
  return () => {
    const uuid = random();
    const ms = Math.floor(clock.wallTime());
    if (ms > lastMs) begin(ms, uuid);
    // The counter is exhausted: the time runs ahead of the clock.
    else if (++count > 0xfff) begin(lastMs + 1, uuid);
    // The random UUID has the variant where this one needs it.
    return `${time}${count.toString(16).padStart(3, "0")}${uuid.slice(18)}`;
  };
}

const length = 36;
const hyphen = 0x2d;
const digits = "0123456789abcdef";

function format(random: Uint8Array, from: number, to: Uint8Array, start: number): void {
  let at = start;
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) at++;
    let byte = random[from + i] as number;
    if (i === 6) byte = (byte & 0x0f) | 0x40;
    if (i === 8) byte = (byte & 0x3f) | 0x80;
    to[at++] = digits.charCodeAt(byte >> 4);
    to[at++] = digits.charCodeAt(byte & 0x0f);
  }
}
