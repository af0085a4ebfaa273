import { HeadBuffer, isFieldValue, isToken } from "@pagoda/http/grammar";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

const lengths = [1, 2, 24, 25, 100];

describe("HeadBuffer", () => {
  test("puts lines together, one head after the other", () => {
    const head = new HeadBuffer();
    head.start("GET /\xe9 HTTP/1.1\r\n");
    expect(head.field("a", "b\xff")).toBeUndefined();
    expect(head.field("c", "")).toBeUndefined();
    head.add("\r\n");
    expect(head.toString()).toBe("GET /\xe9 HTTP/1.1\r\na: b\xff\r\nc: \r\n\r\n");
    head.start("HTTP/1.1 200 OK\r\n");
    expect(head.toString()).toBe("HTTP/1.1 200 OK\r\n");
  });

  test("accepts exactly the names that are tokens, whatever the character and its place", () => {
    const head = new HeadBuffer();
    for (let code = 0; code <= 256; code++) {
      const char = String.fromCharCode(code);
      for (const length of lengths)
        for (const name of [char.padStart(length, "a"), char.padEnd(length, "a")])
          expect(head.field(name, "b")).toBe(isToken(name) ? undefined : "field-name");
      head.start("");
    }
    expect(head.field("", "b")).toBe("field-name");
  });

  test("accepts exactly the values that are allowed, whatever the character and its place", () => {
    const head = new HeadBuffer();
    for (let code = 0; code <= 256; code++) {
      const char = String.fromCharCode(code);
      for (const length of lengths)
        for (const value of [char.padStart(length, "a"), char.padEnd(length, "a")])
          expect(head.field("a", value)).toBe(isFieldValue(value) ? undefined : "field-value");
      head.start("");
    }
  });

  test("has room for heads of any size", () => {
    const head = new HeadBuffer();
    const text = fc.string({ unit: fc.constantFrom("a", "-", "0") });
    const long = fc.nat(40_000).map((length) => "x".repeat(length));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.oneof(text, long), fc.oneof(text, long))), long, (fields, first) => {
        head.start(first);
        for (const [name, value] of fields) expect(head.field(`n${name}`, value)).toBeUndefined();
        const lines = fields.map(([name, value]) => `n${name}: ${value}\r\n`);
        expect(head.toString()).toBe(first + lines.join(""));
      }),
      { numRuns: 50 },
    );
  });
});
