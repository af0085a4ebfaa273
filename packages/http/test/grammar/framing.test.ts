import { Framing, isFramingField } from "@pagoda/http/grammar";
import { describe, expect, test } from "vitest";

type Field = readonly ["length" | "coding", string];

function framed(fields: readonly Field[], minor: number = 1) {
  const framing = new Framing(minor);
  for (const [kind, value] of fields) {
    const fault = kind === "length" ? framing.takeLength(value) : framing.takeCoding(value);
    if (fault !== undefined) return fault;
  }
  return framing.isChunked ? "chunked" : framing.length;
}

describe("framing", () => {
  test.each<[readonly Field[], unknown]>([
    [[], undefined],
    [[["length", "5"]], 5],
    [[["coding", "chunked"]], "chunked"],
    [[["coding", "Chunked"]], "chunked"],
    [
      [
        ["length", "5"],
        ["length", "5"],
      ],
      5,
    ],
  ])("of %j is %s", (fields, expected) => {
    expect(framed(fields)).toBe(expected);
  });

  test.each<[readonly Field[], number, string]>([
    [[["length", "five"]], 1, "length-malformed"],
    [
      [
        ["length", "5"],
        ["length", "6"],
      ],
      1,
      "lengths-differ",
    ],
    [
      [
        ["length", "5"],
        ["length", "05"],
      ],
      1,
      "lengths-differ",
    ],
    [[["coding", "gzip"]], 1, "coding-unknown"],
    [[["coding", "gzip, chunked"]], 1, "coding-unknown"],
    [
      [
        ["coding", "chunked"],
        ["coding", "chunked"],
      ],
      1,
      "coding-repeated",
    ],
    [
      [
        ["coding", "chunked"],
        ["coding", "identity"],
      ],
      1,
      "coding-repeated",
    ],
    [[["coding", "chunked"]], 0, "coding-in-http-1.0"],
    [
      [
        ["length", "5"],
        ["coding", "chunked"],
      ],
      1,
      "coding-beside-length",
    ],
    [
      [
        ["coding", "chunked"],
        ["length", "5"],
      ],
      1,
      "coding-beside-length",
    ],
  ])("of %j in HTTP/1.%s is invalid: %s", (fields, minor, fault) => {
    expect(framed(fields, minor)).toBe(fault);
  });

  test("isFramingField accepts Content-Length and Transfer-Encoding only", () => {
    for (const name of ["Content-Length", "TRANSFER-ENCODING"]) expect(isFramingField(name)).toBe(true);
    for (const name of ["Content-Lengths", "Content-Range!", "X"]) expect(isFramingField(name)).toBe(false);
  });
});
