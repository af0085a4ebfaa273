/**
 * Lengths of the codes in bits (RFC 7541, appendix B), one for each byte value and the end of
 * string, as digits in base 36. The code is canonical: codes are numbered by length, then by value.
 */
const codeLengths =
  "dnsssssssoussussssssssusssssssss6aacd68baa8b8666" +
  "555666666678f6cad67777777777777777777777878djde6" +
  "f56565666577666567655677777fbedskmkkmmmnmnnnnnon" +
  "oomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn" +
  "qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqn" +
  "qrqqrrrrrsrrrrrqu";

/** The end of string, which must not occur in one (RFC 7541, 5.2). */
const endOfString = 256;

/** Bits of a transition: a byte is complete, and the string may end here. */
const hasByte = 0x100;
const mayEnd = 0x200;

/** The code of each byte and of the end of string, as text of zeros and ones. */
export const huffmanCodes: readonly string[] = makeCodes();

function makeCodes(): string[] {
  const made: string[] = [];
  const order = Array.from(codeLengths, (digit, value) => ({ value, length: Number.parseInt(digit, 36) }));
  let code = 0;
  let last = 0;
  for (const { value, length } of order.toSorted((a, b) => a.length - b.length || a.value - b.value)) {
    code *= 2 ** (length - last);
    made[value] = code.toString(2).padStart(length, "0");
    code++;
    last = length;
  }
  return made;
}

/**
 * Transitions of a machine that reads four bits at a time. Its states are the inner nodes of the
 * code's tree. The transition of a state and four bits holds the byte, its bits above, and the next
 * state; -1 where the end of string would be.
 *
 * Codes have at least five bits, so four never complete two bytes.
 */
const transitions: Int32Array = makeTransitions();

function makeTransitions(): Int32Array {
  const states = new Map<string, number>([["", 0]]);
  const leaves = new Map(huffmanCodes.map((code, value) => [code, value]));
  for (const code of huffmanCodes)
    for (let length = 1; length < code.length; length++) {
      const node = code.slice(0, length);
      if (!states.has(node)) states.set(node, states.size);
    }
  const table = new Int32Array(states.size * 16);
  for (const [node, state] of states)
    for (let nibble = 0; nibble < 16; nibble++)
      table[state * 16 + nibble] = transition(node, nibble, states, leaves);
  return table;
}

function transition(
  from: string,
  nibble: number,
  states: ReadonlyMap<string, number>,
  leaves: ReadonlyMap<string, number>,
): number {
  let node = from;
  let found = 0;
  for (let bit = 3; bit >= 0; bit--) {
    node += String((nibble >> bit) & 1);
    const value = leaves.get(node);
    if (value === endOfString) return -1;
    if (value === undefined) continue;
    found = value | hasByte;
    node = "";
  }
  // Padding is less than a byte, of ones: the beginning of the end of string.
  if (node.length < 8 && !node.includes("0")) found |= mayEnd;
  return found | ((states.get(node) as number) << 10);
}

/** The most bytes that a string of this length can decode to. */
export function decodedBound(length: number): number {
  return Math.floor((length * 8) / 5);
}

/**
 * Decodes a string (RFC 7541, 5.2).
 *
 * @param into Has at least {@link decodedBound} bytes.
 * @returns The number of bytes decoded; -1 if the string is malformed.
 */
export function decodeHuffman(bytes: Uint8Array, from: number, to: number, into: Uint8Array): number {
  let state = 0;
  let length = 0;
  let last = mayEnd;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number;
    last = transitions[state + (byte >> 4)] as number;
    if (last < 0) return -1;
    if ((last & hasByte) !== 0) into[length++] = last;
    last = transitions[((last >> 10) << 4) + (byte & 15)] as number;
    if (last < 0) return -1;
    if ((last & hasByte) !== 0) into[length++] = last;
    state = (last >> 10) << 4;
  }
  return (last & mayEnd) === 0 ? -1 : length;
}
