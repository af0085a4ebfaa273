import {
  ChunkOverhead,
  hasAt,
  isAuthority,
  isFieldValue,
  isHostAndPort,
  isNamed,
  isRequestTarget,
  isToken,
  lists,
  membersOf,
  persists,
  readChunkSize,
  readContentLength,
  readFieldLine,
  readFieldSection,
  readStatusLine,
  trimmed,
} from "@pagoda/http/grammar";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
const bytes = fc.string({ unit: byte });

describe("characters", () => {
  test("a token consists of tchar (RFC 9110, 5.6.2)", () => {
    const tchar = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (let code = 0; code < 256; code++) {
      const char = String.fromCharCode(code);
      expect([char, isToken(char)]).toEqual([char, tchar.includes(char)]);
    }
    expect(isToken("")).toBe(false);
    expect(isToken("a b")).toBe(false);
  });

  test("tokens and field values have no characters beyond one byte", () => {
    for (const length of [1, 17]) {
      expect(isToken("\u0141".repeat(length))).toBe(false);
      expect(isFieldValue("\u0141".repeat(length))).toBe(false);
    }
  });

  test("a field value of any length has no control characters except tabs", () => {
    for (let code = 0; code < 256; code++) {
      const char = String.fromCharCode(code);
      const isAllowed = (code >= 0x20 && code !== 0x7f) || code === 0x09;
      for (const length of [1, 16, 17]) expect(isFieldValue(char.padStart(length, "a"))).toBe(isAllowed);
    }
  });

  test("a field value has no control characters except tabs", () => {
    for (const text of ["", "a b\tc", "\xe9\xff"]) expect(isFieldValue(text)).toBe(true);
    for (const text of ["a\nb", "a\rb", "a\0", "\x7f", "\u0100"]) expect(isFieldValue(text)).toBe(false);
  });

  test("a request target has no white space", () => {
    for (const text of ["/", "*", "/\xe9?a|b", "a:80"]) expect(isRequestTarget(text)).toBe(true);
    for (const text of ["", "/a b", "/\t", "/\r\n", "/\u0100"]) expect(isRequestTarget(text)).toBe(false);
  });

  test("a request target has every other character, however long it is", () => {
    for (let code = 0; code < 256; code++) {
      const char = String.fromCharCode(code);
      const isAllowed = code > 0x20 && code !== 0x7f;
      for (const length of [1, 16, 17]) expect(isRequestTarget(char.padStart(length, "a"))).toBe(isAllowed);
    }
  });

  test("only spaces and tabs are trimmed", () => {
    expect(trimmed(" \t a b\t ")).toBe("a b");
    expect(trimmed("a: b ", 2)).toBe("b");
    expect(trimmed(" \t ")).toBe("");
    for (const other of ["\n", "\r", "\x0b", "\xa0", "\ufeff"]) expect(trimmed(other)).toBe(other);
  });
});

describe("an authority", () => {
  test.each(["a", "a:", "a:80", "[::1]", "[::1]:80", "a.example:65536"])("%s is valid", (text) => {
    expect(isAuthority(text)).toBe(true);
  });

  test.each(["", ":80", "a b", "a@b", "a/b", "[::1", "::1", "a:b", "a:80:80"])("%j is invalid", (text) => {
    expect(isAuthority(text)).toBe(false);
  });

  test("isHostAndPort requires a port", () => {
    for (const text of ["a:80", "[::1]:443"]) expect(isHostAndPort(text)).toBe(true);
    for (const text of ["a", "a:", "[::1]", "[::1:80]", "a:123456"]) expect(isHostAndPort(text)).toBe(false);
  });
});

describe("ignoring case", () => {
  test("only letters have two cases", () => {
    for (let code = 0; code < 256; code++) {
      const char = String.fromCharCode(code);
      const isUpper = code >= 0x41 && code <= 0x5a;
      for (const lower of ["a", "z", "-", "0", "[", "~"])
        expect(isNamed(char, lower)).toBe((isUpper ? char.toLowerCase() : char) === lower);
    }
  });

  test("a text beyond the end of the other is not there", () => {
    expect(hasAt("xCLOSE", 1, "close")).toBe(true);
    expect(hasAt("xCLOS", 1, "close")).toBe(false);
    expect(isNamed("close", "close-")).toBe(false);
    expect(isNamed("close-", "close")).toBe(false);
  });
});

describe("a comma-separated list", () => {
  test("has trimmed, non-empty members", () => {
    expect(membersOf(" a,, b c ,\t,d")).toEqual(["a", "b c", "d"]);
    expect(membersOf("")).toEqual([]);
  });

  test.each(["close", "Close", " close ", "a, CLOSE", "close,a", ",close"])("%j lists close", (list) => {
    expect(lists(list, "close")).toBe(true);
  });

  test.each(["", "closed", "a close", "clos", "close;a", "close\xa0"])("%j does not list close", (list) => {
    expect(lists(list, "close")).toBe(false);
  });
});

describe("a comma-separated list", () => {
  test("lists exactly its members", () => {
    const piece = fc.constantFrom("a", "B", "ab", ",", " ", "\t", "\xa0", "\r");
    fc.assert(
      fc.property(fc.string({ unit: piece, maxLength: 8 }), fc.constantFrom("a", "ab"), (list, member) => {
        const members = membersOf(list).map((each) => each.toLowerCase());
        expect(lists(list, member)).toBe(members.includes(member));
      }),
    );
  });
});

describe("a field line", () => {
  const read = (line: string) => {
    const fields: string[] = [];
    return readFieldLine(fields, line) ?? fields;
  };

  test.each([
    ["A: b", ["A", "b"]],
    ["A:b", ["A", "b"]],
    ["A:", ["A", ""]],
    ["A: \t b c \t", ["A", "b c"]],
    ["A: b: c", ["A", "b: c"]],
    ["A: \xe9", ["A", "\xe9"]],
  ])("%j is parsed", (line, fields) => {
    expect(read(line)).toEqual(fields);
  });

  test.each([
    ["", "field-name"],
    ["A", "field-name"],
    [": b", "field-name"],
    ["A : b", "field-name"],
    [" A: b", "field-name"],
    ["A\0: b", "field-name"],
    ["A: b\0", "field-value"],
    ["A: b\rc", "field-value"],
    ["A: b\nC: d", "bare-line-feed"],
    ["A\nB: c", "bare-line-feed"],
  ])("%j is refused: %s", (line, fault) => {
    expect(read(line)).toBe(fault);
  });

  test("property: parsing and formatting round-trip", () => {
    fc.assert(
      fc.property(bytes, bytes, (before, after) => {
        const first = read(`${before}:${after}`);
        if (typeof first === "string") return;
        const [name, value] = first;
        expect(isToken(name as string) && isFieldValue(value as string)).toBe(true);
        expect(read(`${name}: ${value}`)).toEqual(first);
      }),
    );
  });
});

describe("a field section", () => {
  /** What the lines of a section give one by one. */
  const byLine = (lines: readonly string[]) => {
    const fields: string[] = [];
    let fault: string | undefined;
    for (const line of lines) {
      fault = readFieldLine(fields, line);
      if (fault !== undefined) break;
    }
    return { fault, fields };
  };
  /** What the section gives, which is the same with and without its bytes. */
  const whole = (lines: readonly string[], before = "", after = "") => {
    const text = `${before}${lines.map((line) => `${line}\r\n`).join("")}`;
    const fields: string[] = [];
    const fault = readFieldSection(fields, text + after, before.length, text.length);
    const fromBytes: string[] = [];
    const shifted = Buffer.from(`...${text}${after}`, "latin1");
    expect(readFieldSection(fromBytes, text + after, before.length, text.length, shifted, 3)).toBe(fault);
    expect(fromBytes).toEqual(fields);
    return { fault, fields };
  };

  test("may be empty", () => {
    expect(whole([], "GET / HTTP/1.1\r\n", "\r\nA: b\r\n")).toEqual({ fault: undefined, fields: [] });
  });

  test("has names and values without the white space around them", () => {
    expect(whole(["A:b", "C: \t d\xe9 e \t", "F:", "G: \t "])).toEqual({
      fault: undefined,
      fields: ["A", "b", "C", "d\xe9 e", "F", "", "G", ""],
    });
  });

  test("agrees with parsing its lines one by one, for every byte in every place", () => {
    for (let code = 0; code < 256; code++) {
      const char = String.fromCharCode(code);
      for (const line of [`${char}A: b`, `A${char}: b`, `A:${char}b`, `A: b${char}c`, `A: b${char}`]) {
        const lines = ["X: y", ...line.split("\r\n"), "Z: z"];
        expect(whole(lines)).toEqual(byLine(lines));
      }
    }
  });

  test("gives what its lines give one by one, whatever they are", () => {
    const piece = fc.oneof(byte, fc.constantFrom("A", "b-c", ":", ": ", " ", "\t", "\n", "\r", "\xe9", "\0"));
    const line = fc.string({ unit: piece, maxLength: 12 }).filter((text) => !text.includes("\r\n"));
    const mostlyGood = fc.oneof({ weight: 3, arbitrary: fc.constantFrom("A: b", "C:", "d:  e ") }, line);
    fc.assert(
      fc.property(fc.array(mostlyGood, { maxLength: 5 }), bytes, (lines, after) => {
        expect(whole(lines, "GET / HTTP/1.1\r\n", `\r\n${after}`)).toEqual(byLine(lines));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("body framing", () => {
  test.each([
    ["0", 0],
    ["42", 42],
    ["999999999999999", 999_999_999_999_999],
    ["1000000000000000", undefined],
    ["", undefined],
    ["-1", undefined],
    ["+1", undefined],
    ["1.0", undefined],
    ["0x1", undefined],
    ["1, 1", undefined],
  ])("Content-Length: %s is %s", (value, length) => {
    expect(readContentLength(value)).toBe(length);
  });

  test.each([
    ["0", 0],
    ["aF", 175],
    ["5;a=b", 5],
    ["5 ;a", 5],
    ['5 ; a = "b;\\"c\xe9" ; d', 5],
    // Defect: malformed extensions were accepted.
    ["5;", undefined],
    ["5;;a", undefined],
    ["5;a=", undefined],
    ["5;a ", undefined],
    ["5;a b", undefined],
    ["5;a=b c", undefined],
    ['5;a="b', undefined],
    ['5;a="b"c', undefined],
    ['5;a="b\\"', undefined],
    ['5;a="\0"', undefined],
    ["5;\x80", undefined],
    ["fffffffffffff", 4_503_599_627_370_495],
    ["ffffffffffffff", undefined],
    ["", undefined],
    [" 5", undefined],
    ["5 ", undefined],
    ["0x5", undefined],
    ["-5", undefined],
    ["5,a", undefined],
    ["5;\n", undefined],
  ])("chunk header %j has size %s", (line, size) => {
    expect(readChunkSize(line)).toBe(size);
  });
});

describe("the overhead of chunks", () => {
  test("is bounded unless the data explains it", () => {
    const overhead = new ChunkOverhead();
    const line = `1;${"a".repeat(1_010)}`;
    for (let chunk = 0; chunk < 16; chunk++) expect(overhead.takes(line, 1)).toBe(true);
    expect(overhead.takes("8000", 32_768)).toBe(true);
    for (let chunk = 0; chunk < 16; chunk++) expect(overhead.takes(line, 1)).toBe(true);
    expect(overhead.takes(line, 1)).toBe(false);
  });

  test("does not count single bytes or signed chunks", () => {
    const overhead = new ChunkOverhead();
    const signed = `10000;chunk-signature=${"a".repeat(64)}`;
    const chunks = Array.from({ length: 10_000 }, () => [
      overhead.takes("1;a=b", 1),
      overhead.takes(signed, 65_536),
    ]);
    expect(new Set(chunks.flat())).toEqual(new Set([true]));
  });
});

describe("a connection", () => {
  test.each([
    [1, "", true],
    [1, "keep-alive", true],
    [1, "close", false],
    [1, "upgrade, Close", false],
    [0, "", false],
    [0, "Keep-Alive", true],
    [0, "keep-alive, close", false],
  ])("after HTTP/1.%s with Connection: %j persists: %s", (minor, options, expected) => {
    expect(persists(minor, options)).toBe(expected);
  });
});

describe("a status line", () => {
  test("has a version, a status and an optional reason phrase", () => {
    expect(readStatusLine("HTTP/1.1 200 OK then")).toEqual({ minor: 1, status: 200, phrase: "OK then" });
    expect(readStatusLine("HTTP/1.0 404 ")).toEqual({ minor: 0, status: 404, phrase: "" });
    expect(readStatusLine("HTTP/1.1 204")).toEqual({ minor: 1, status: 204, phrase: "" });
  });

  test.each([
    "HTTP/2.0 200 OK",
    "HTTP/1.2 200 OK",
    "http/1.1 200 OK",
    "HTTP/1.1 20 OK",
    "HTTP/1.1  200 OK",
    "200 OK",
    "HTTP/1.1 200\tOK",
    "HTTP/1.1 099 OK",
    "HTTP/1.1 2000",
    "HTTP/1.1 200 O\rK",
    "HTTP/1.1 200 O\nK",
    "HTTP/1.1\t200 OK",
    "HTTP/1.",
    "",
  ])("%j is invalid", (line) => {
    expect(readStatusLine(line)).toBeUndefined();
  });
});
