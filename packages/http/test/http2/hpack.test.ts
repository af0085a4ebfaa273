import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConnectionError } from "../../src/http2/error-codes.ts";
import { Decoder } from "../../src/http2/hpack/decoder.ts";
import { Encoder } from "../../src/http2/hpack/encoder.ts";
import { decodeHuffman, huffmanCodes } from "../../src/http2/hpack/huffman.ts";
import { vectors } from "./hpack-vectors.ts";

/** Decodes a block to alternating names and values; names of invalid values are marked. */
function decoded(decoder: Decoder, block: Buffer): string[] {
  const fields: string[] = [];
  decoder.decode(block, 0, block.length, {
    field: ({ text }, value, isValid) => void fields.push(isValid ? text : `${text}!`, value),
  });
  return fields;
}

function encoded(encoder: Encoder, fields: readonly string[]): Buffer {
  const into = Buffer.alloc(Encoder.bound(fields));
  return into.subarray(0, encoder.encode(fields, into, 0));
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

/** Encodes with Huffman codes, padded with ones (RFC 7541, 5.2). */
function huffman(text: string): Buffer {
  const bits = Array.from(Buffer.from(text, "latin1"), (byte) => huffmanCodes[byte]).join("");
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, "1");
  return Buffer.from((padded.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

describe.each(vectors)("the examples of RFC 7541, $section", ({ maxSize, blocks }) => {
  test("decode", () => {
    const decoder = new Decoder(maxSize);
    for (const [block, fields, tableSize] of blocks) {
      expect(decoded(decoder, hex(block))).toEqual(fields.flat());
      expect(decoder.tableSize).toBe(tableSize);
    }
  });
});

describe("Huffman codes", () => {
  test("have the lengths and order of a complete prefix code", () => {
    expect(huffmanCodes).toHaveLength(257);
    expect(huffmanCodes.reduce((sum, code) => sum + 2 ** -code.length, 0)).toBe(1);
    // RFC 7541, appendix B: the first, some of the middle, and the end of string.
    expect(huffmanCodes[0x30]).toBe("00000");
    expect(huffmanCodes[0x20]).toBe("010100");
    expect(huffmanCodes[0x00]).toBe("1111111111000");
    expect(huffmanCodes[0xff]).toBe("11111111111111111111101110");
    expect(huffmanCodes[256]).toBe("1".repeat(30));
  });

  test("decode to what was encoded", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const code = huffman(Buffer.from(bytes).toString("latin1"));
        const into = Buffer.alloc(Math.floor((code.length * 8) / 5));
        expect(into.subarray(0, decodeHuffman(code, 0, code.length, into))).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test.each([
    ["padding of eight bits (RFC 7541, 5.2)", "ff"],
    ["padding with a zero (RFC 7541, 5.2)", "1c"],
    ["an incomplete code", "f1e3c2e5f23a6ba0ab90f4fe"],
    ["the end of string (RFC 7541, 5.2)", "3fffffff"],
    ["the end of string after others", "1ffffffff0"],
  ])("reject %s", (_what, code) => {
    const bytes = hex(code);
    expect(decodeHuffman(bytes, 0, bytes.length, Buffer.alloc(100))).toBe(-1);
  });
});

describe("Decoder", () => {
  test.each([
    ["index 0 (RFC 7541, 6.1)", "80"],
    ["an index beyond the tables (RFC 7541, 2.3.3)", "be"],
    ["a name index beyond the tables", "7f00 01 61"],
    ["an incomplete index", "ff"],
    ["an integer that overflows (RFC 7541, 5.1)", "ffffffffff0f"],
    ["an integer that never ends", "ff8080808080808080808000"],
    ["an incomplete name", "400a6162"],
    ["a missing value", "400161"],
    ["an incomplete value", "4001610561"],
    ["a malformed Huffman code", "400161 81ff"],
    ["a table size above the limit (RFC 7541, 6.3)", "3fe21f"],
    ["a size update after a field (RFC 7541, 4.2)", "8220"],
  ])("rejects %s", (_what, block) => {
    expect(() => decoded(new Decoder(), hex(block))).toThrow(ConnectionError);
    expect(() => decoded(new Decoder(), hex(block))).toThrow(
      expect.objectContaining({ code: "COMPRESSION_ERROR" }),
    );
  });

  test("accepts several size updates before the first field (RFC 7541, 4.2)", () => {
    const decoder = new Decoder();
    decoded(decoder, hex("400161 0162"));
    expect(decoded(decoder, hex("20 3fe11f 82"))).toEqual([":method", "GET"]);
    expect(decoder.tableSize).toBe(0);
  });

  test("an entry larger than the table empties it (RFC 7541, 4.4)", () => {
    const decoder = new Decoder(64);
    decoded(decoder, hex("400161 0162"));
    expect(decoder.tableSize).toBe(34);
    const long = Buffer.concat([hex("400161 40"), Buffer.alloc(64, "x")]);
    expect(decoded(decoder, long)).toEqual(["a", "x".repeat(64)]);
    expect(decoder.tableSize).toBe(0);
  });

  test("a name of an entry that its own insertion evicts is kept (RFC 7541, 4.4)", () => {
    const decoder = new Decoder(40);
    decoded(decoder, hex("400161 0162"));
    expect(decoded(decoder, hex("7e 06 636363636363"))).toEqual(["a", "cccccc"]);
  });

  test("recognizes what has come before by its bytes", () => {
    const decoder = new Decoder();
    const code = huffman("Mon, 30 Nov 2026");
    const block = Buffer.concat([hex("0000"), Buffer.from([0x80 | code.length]), code]);
    for (let n = 0; n < 3; n++) expect(decoded(decoder, block)).toEqual(["", "Mon, 30 Nov 2026"]);
    // The same bytes without Huffman coding are another string.
    const plain = Buffer.concat([hex("0000"), Buffer.from([code.length]), code]);
    expect(decoded(decoder, plain)[1]).toBe(code.toString("latin1"));
  });

  test.each(["a\r\nb", "a\0", "\x7f", " a", "a\t", "\n"])("marks %j as no field value", (value) => {
    const literal = Buffer.concat([hex("400161"), Buffer.from([value.length]), Buffer.from(value)]);
    const decoder = new Decoder();
    expect(decoded(decoder, literal)).toEqual(["a!", value]);
    // Also when it comes from the table.
    expect(decoded(decoder, hex("be"))).toEqual(["a!", value]);
  });

  test("keeps no literal that is never indexed (RFC 7541, 7.1.3)", () => {
    const decoder = new Decoder();
    const secret = Buffer.concat([hex("100161 06"), Buffer.from("secret")]);
    expect(decoded(decoder, secret)).toEqual(["a", "secret"]);
    expect(decoder.tableSize).toBe(0);
  });
});

const names = fc.constantFrom(
  ":path",
  "user-agent",
  "x-request-id",
  "accept",
  "cookie",
  "authorization",
  "etag",
);
const values = fc.oneof(
  fc.constantFrom("", "/", "a", "short", "x".repeat(30), "y".repeat(300), "z".repeat(5_000)),
  fc.integer({ min: 0, max: 40 }).map((n) => `value ${n}`),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
);
const lists = fc.array(fc.tuple(fc.oneof(names, fc.integer({ max: 99 }).map(String)), values), {
  maxLength: 12,
});

describe("Encoder", () => {
  test("what it encodes decodes to the same, however the table size changes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(lists, fc.option(fc.constantFrom(0, 1, 50, 100, 200, 1_000, 4_096, 65_536))), {
          maxLength: 40,
        }),
        (blocks) => {
          const encoder = new Encoder();
          const decoder = new Decoder();
          for (const [list, size] of blocks) {
            if (size !== null) encoder.tableSize = size;
            const fields = list.flat();
            const block = encoded(encoder, fields);
            expect(block.length).toBeLessThanOrEqual(Encoder.bound(fields));
            expect(
              decoded(decoder, block).map((text, at) => (at % 2 ? text : text.replace("!", ""))),
            ).toEqual(fields);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test("sends a head that repeats in a byte for each field", () => {
    const head = [
      ":method",
      "GET",
      ":scheme",
      "http",
      ":authority",
      "shop.test",
      "user-agent",
      "test",
      "x-a",
      "b",
    ];
    const encoder = new Encoder();
    for (let n = 0; n < 4; n++) encoded(encoder, head);
    expect(encoded(encoder, head)).toHaveLength(5);
  });

  test("a field that differs each time pushes nothing out of the table", () => {
    const encoder = new Encoder();
    for (let n = 0; n < 5_000; n++) encoded(encoder, ["x-request-id", `id ${n}`, "user-agent", "test"]);
    const [id, repeated] = [
      ["x-request-id", "id"],
      ["user-agent", "test"],
    ].map((field) => encoded(encoder, field));
    expect(repeated).toHaveLength(1);
    // An index for the name, and the value with its length.
    expect(id?.length).toBeLessThanOrEqual(2 + 3);
  });

  test.each([
    ["authorization", "Bearer abc"],
    ["proxy-authorization", "Basic abc"],
    ["set-cookie", "a=b"],
    ["cookie", "pin=1234"],
  ])("%s is never indexed (RFC 7541, 7.1.3)", (name, value) => {
    const encoder = new Encoder();
    for (let n = 0; n < 5; n++) {
      const block = encoded(encoder, [name, value]);
      expect((block[0] as number) >> 4).toBe(1);
      expect(block.includes(value)).toBe(true);
    }
  });

  test("announces the smallest size and the last one after changes (RFC 7541, 4.2)", () => {
    const encoder = new Encoder();
    encoder.tableSize = 0;
    encoder.tableSize = 100;
    expect(encoded(encoder, [":method", "GET"])).toEqual(hex("20 3f45 82"));
    expect(encoded(encoder, [":method", "GET"])).toEqual(hex("82"));
  });

  test("forgets values that do not repeat", () => {
    const encoder = new Encoder();
    const first = encoded(encoder, [":path", "/first"]);
    for (let n = 0; n < 1_000; n++) encoded(encoder, [":path", `/${n}`]);
    // Otherwise it would be entered into the table now.
    expect(encoded(encoder, [":path", "/first"])).toEqual(first);
  });
});
