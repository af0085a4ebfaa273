import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ResponseReader } from "../src/response-reader.ts";

type Event = readonly [what: string, ...details: unknown[]];

/** Events of a reader for responses in these chunks, with one request after the other. */
function events(pieces: readonly (string | Buffer)[], methods: readonly string[] = ["GET"]): Event[] {
  const seen: Event[] = [];
  const awaited = [...methods];
  const next = (): void => {
    const method = awaited.shift();
    if (method !== undefined) reader.expect(method);
  };
  let body = "";
  const reader = new ResponseReader({
    informed: ({ status }) => seen.push(["informed", status]),
    answered({ status, headers: { raw }, keepAlive }, bodiless) {
      seen.push(["answered", status, raw, keepAlive, bodiless]);
      body = "";
    },
    opened: ({ status }) => seen.push(["opened", status]),
    came: (bytes, from, to) => (body += bytes.toString("latin1", from, to)),
    completed({ raw }, clean) {
      seen.push(["completed", body, raw, clean]);
      if (clean) next();
    },
  });
  next();
  const memory = Buffer.alloc(200_000);
  try {
    for (const piece of pieces) {
      // Always the same buffer, as the platform does.
      const length = typeof piece === "string" ? memory.write(piece, "latin1") : piece.copy(memory);
      reader.read(memory, length);
      memory.fill("!", 0, length);
    }
    if (reader.endsWithConnection) reader.end();
  } catch (error) {
    seen.push(["malformed", (error as Error).message]);
  }
  return seen;
}

const head = (...lines: readonly string[]): string => `${["HTTP/1.1 200 OK", ...lines].join("\r\n")}\r\n\r\n`;

describe("ResponseReader", () => {
  const responses = [
    `${head("Content-Length: 5")}hello`,
    `HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n${head("X: 1", "Content-Length: 2")}ok`,
    `${head("Transfer-Encoding: chunked")}5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 6\r\nX-More: \xe9\r\n\r\n`,
    head("Content-Length: 0"),
    `${head("Content-Length: 9000")}${"x".repeat(9_000)}`,
    `${head(`X: ${"y".repeat(9_000)}`, "Transfer-Encoding: chunked")}0\r\n\r\n`,
  ];

  test("is independent of how the bytes are split", () => {
    const cuts = fc.array(fc.nat(20_000), { maxLength: 30 });
    fc.assert(
      fc.property(fc.constantFrom(...responses), cuts, (text, at) => {
        const places = [...new Set(at.map((place) => place % text.length))].toSorted((a, b) => a - b);
        const pieces = [...places, text.length].map((end, i) => text.slice(places[i - 1] ?? 0, end));
        expect(events(pieces)).toEqual(events([text]));
      }),
    );
  });

  test.each(responses)("reads single bytes like the whole: %#", (text) => {
    const whole = events([text]);
    expect(whole.at(-1)?.[0]).toBe("completed");
    expect(events(text.split(""))).toEqual(whole);
  });

  test("never reports an incomplete response as complete", () => {
    for (const text of responses) {
      for (let length = 0; length < text.length; length += text.length > 100 ? 97 : 1) {
        expect(events([text.slice(0, length)]).map(([what]) => what)).not.toContain("completed");
      }
    }
  });

  test("reads consecutive responses", () => {
    const seen = events([responses[0] as string, responses[2] as string], ["GET", "GET"]);
    expect(seen.map(([what]) => what)).toEqual(["answered", "completed", "answered", "completed"]);
  });

  test("reports trailing bytes and does not read them as the next response", () => {
    for (const text of [responses[0] as string, responses[2] as string, head("Content-Length: 0")]) {
      const seen = events([`${text}${head("Content-Length: 6")}poison`], ["GET", "GET"]);
      expect(seen.map(([what]) => what)).toEqual(["answered", "completed"]);
      expect(seen.at(-1)?.at(-1)).toBe(false);
    }
  });

  test("rejects bytes without a request", () => {
    expect(events([head("Content-Length: 0"), "H"]).at(-1)).toEqual([
      "malformed",
      "unexpected bytes after the response",
    ]);
  });

  test.each([
    ["HTTP/1.1 200 OK", true],
    ["HTTP/1.0 200 OK", false],
    ["HTTP/1.1 200 OK\r\nConnection: close", false],
    ["HTTP/1.1 200 OK\r\nConnection: x, Close", false],
    ["HTTP/1.1 200 OK\r\nConnection: x\r\nconnection: close", false],
    ["HTTP/1.1 200 OK\r\nConnection: closed", true],
    ["HTTP/1.0 200 OK\r\nConnection: keep-alive", true],
    ["HTTP/1.0 200 OK\r\nConnection: Keep-Alive, close", false],
  ])("keepAlive of %j is %s", (start, again) => {
    expect(events([`${start}\r\nContent-Length: 0\r\n\r\n`])[0]?.[3]).toBe(again);
  });

  test.each([
    ["defect: a bare line feed after the status line", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"],
    ["a bare line feed between fields", head("A: 1\nContent-Length: 0")],
    ["a bare carriage return", head("A: 1\rB: 2")],
    ["a NUL", head("A: 1\0")],
    ["a folded field", head("A: 1", " b")],
    ["a tab before the colon", head("A\t: 1")],
    ["a field without a colon", head("A")],
    ["a field without a name", head(": 1")],
    ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
    ["a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"],
    ["HTTP/2", "HTTP/2.0 200 OK\r\n\r\n"],
    ["an empty line first", `\r\n${head()}`],
    ["a length that is negative", head("Content-Length: -1")],
    ["a length in hex", head("Content-Length: 0x5")],
    ["an empty length", head("Content-Length:")],
    ["a list of lengths", head("Content-Length: 5, 5")],
    ["a length beyond all numbers", head("Content-Length: 9999999999999999")],
    ["an encoding that is not chunked", head("Transfer-Encoding: gzip")],
    ["encodings before chunked", head("Transfer-Encoding: gzip, chunked")],
    ["chunked twice", head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked")],
    ["chunks and a length", head("Transfer-Encoding: chunked", "Content-Length: 5")],
    ["chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["a chunk without a size", `${head("Transfer-Encoding: chunked")}\r\nhello\r\n`],
    ["a chunk's size with a sign", `${head("Transfer-Encoding: chunked")}+5\r\nhello\r\n`],
    ["a chunk's size with a prefix", `${head("Transfer-Encoding: chunked")}0x5\r\nhello\r\n`],
    ["a chunk's size with a space before", `${head("Transfer-Encoding: chunked")} 5\r\nhello\r\n`],
    ["a chunk's size beyond all numbers", `${head("Transfer-Encoding: chunked")}fffffffffffffff\r\n`],
    ["a chunk's line without a carriage return", `${head("Transfer-Encoding: chunked")}5\nhello\r\n`],
    ["a chunk longer than its size", `${head("Transfer-Encoding: chunked")}2\r\nhello\r\n0\r\n\r\n`],
    ["a control character in an extension", `${head("Transfer-Encoding: chunked")}5;\x01\r\nhello\r\n`],
    ["an endless chunk line", `${head("Transfer-Encoding: chunked")}5;${"x".repeat(5_000)}`],
    [
      "defect: extensions that outweigh the data",
      `${head("Transfer-Encoding: chunked")}${`1;a=${"b".repeat(1_000)}\r\nx\r\n`.repeat(17)}`,
    ],
    ["defect: an empty extension", `${head("Transfer-Encoding: chunked")}5;\r\nhello\r\n0\r\n\r\n`],
    ["a folded trailer", `${head("Transfer-Encoding: chunked")}0\r\nA: 1\r\n b\r\n\r\n`],
    ["endless trailers", `${head("Transfer-Encoding: chunked")}0\r\n${"A: 1\r\n".repeat(20_000)}`],
    ["an endless head", `HTTP/1.1 200 OK\r\n${"A: 1\r\n".repeat(20_000)}`],
    ["a switch of protocols", "HTTP/1.1 101 Switching Protocols\r\n\r\n"],
  ])("%s is malformed", (_, text) => {
    expect(events([text]).at(-1)?.[0]).toBe("malformed");
  });

  test("merges identical lengths", () => {
    expect(events([`${head("Content-Length: 2", "Content-Length: 2")}ok`]).at(-1)).toEqual([
      "completed",
      "ok",
      [],
      true,
    ]);
  });
});
