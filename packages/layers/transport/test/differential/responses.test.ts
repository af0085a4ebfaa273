import { describe, expect, test } from "vitest";
import { contradiction, readWithLlhttp, readWithOurs } from "./reading.ts";
import { type Input, inputOf } from "./responses.ts";

const bytesOf = (text: string): Buffer => Buffer.from(text, "latin1");

/**
 * What the transport reads, rightly, although llhttp refuses it or reads it differently, rewritten
 * into what both must read alike.
 */
const exceptions: readonly (readonly [reason: string, rewritten: (text: string) => string])[] = [
  [
    "RFC 9110, 15.2: another response follows one with 1xx, whatever its version and its Connection",
    (text) =>
      text.replace(/^(?:HTTP\/1\.[01] 1\d\d(?: .*)?\r\n(?:.+\r\n)*\r\n)+/, (heads) =>
        heads.replaceAll("HTTP/1.0", "HTTP/1.1").replaceAll(/^Connection:/gim, "X:"),
      ),
  ],
  [
    "RFC 9110, 8.6: a length repeated with the same value counts once",
    (text) => {
      const [head = "", ...rest] = text.split(/(?=\r\n\r\n)/);
      return withoutRepeated(head) + rest.map(withoutRepeated).join("");
    },
  ],
  [
    "RFC 9112, 5: a tab behind a value does not belong to it",
    (text) => text.replaceAll(/(\r\nTransfer-Encoding:[ \t]*chunked)[ \t]+(?=\r\n)/gi, "$1"),
  ],
  [
    "RFC 9112, 9.3: close comes before keep-alive",
    (text) =>
      /\r\nConnection:.*\bclose\b/i.test(text)
        ? text.replaceAll(/(?<=\r\nConnection:.*)\bkeep-alive\b/gi, "keepalive")
        : text,
  ],
  [
    "RFC 9112, 7.1.1: whitespace may surround the delimiters of chunk extensions",
    (text) =>
      text.replaceAll(/(?<=\r\n)[\da-f]+[ \t]*;[^\r\n]*(?=\r\n)/gi, (line) =>
        line.replaceAll(/"(?:[^"\\]|\\.)*"|[ \t]+/g, (part) => (part.startsWith('"') ? part : "")),
      ),
  ],
];

function withoutRepeated(head: string): string {
  const seen = new Set<string>();
  return head.replaceAll(/\r\nContent-Length:[ \t]*(\d+)[ \t]*(?=\r\n|$)/gi, (line, length: string) => {
    if (seen.has(length)) return "";
    seen.add(length);
    return line;
  });
}

/** How llhttp contradicts the transport about an input, exceptions aside. */
function disagreement(input: Input, uses: Set<string>): string | undefined {
  const ours = readWithOurs(input, [bytesOf(input.text)]);
  const found = contradiction(ours, readWithLlhttp(input, bytesOf(input.text)));
  if (found === undefined) return undefined;
  let { text } = input;
  for (const [reason, rewritten] of exceptions) {
    const before = text;
    text = rewritten(text);
    if (text !== before) uses.add(reason);
  }
  const same = readWithOurs({ ...input, text }, [bytesOf(text)]);
  for (const key of ["status", "persists", "isComplete"] as const)
    if (same[key] !== ours[key]) return `rewritten, it is read differently: ${key}`;
  return contradiction(same, readWithLlhttp(input, bytesOf(text)));
}

describe("the transport and llhttp", () => {
  test("read the same in 20,000 responses, in whatever pieces they arrive", () => {
    const uses = new Set<string>();
    const faults: string[] = [];
    let accepted = 0;
    for (let number = 0; number < 20_000; number++) {
      const input = inputOf(1, number);
      const bytes = bytesOf(input.text);
      const ours = readWithOurs(input, [bytes]);
      if (ours.status !== undefined) accepted++;
      const found = disagreement(input, uses);
      if (found !== undefined) faults.push(`input ${number}: ${JSON.stringify(input)}: ${found}`);
      const at = number % (bytes.length + 1);
      const cut = readWithOurs(input, [bytes.subarray(0, at), bytes.subarray(at)]);
      // What is refused may be noticed earlier, in another line.
      if (JSON.stringify({ ...cut, refusal: 0 }) !== JSON.stringify({ ...ours, refusal: 0 }))
        faults.push(`input ${number}, cut at ${at}: ${JSON.stringify(input)}`);
    }
    expect(faults).toEqual([]);
    expect(accepted).toBeGreaterThan(5_000);
    expect([...uses].toSorted()).toEqual(exceptions.map(([reason]) => reason).toSorted());
  });
});
