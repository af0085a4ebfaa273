import { isLeft, left, right } from "@pagoda/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jsonEndpoints, jsonEntries } from "@pagoda/discovery";

describe("a JSON list", () => {
  test("has keys, or objects with a key and an optional weight", () => {
    const text = '["http://a:1", { "key": "http://b:2" }, { "key": "http://c:3", "weight": 0.5 }]';
    const endpoints = [{ key: "http://a:1" }, { key: "http://b:2" }, { key: "http://c:3", weight: 0.5 }];
    expect(jsonEndpoints(text)).toEqual(right(endpoints));
    expect(jsonEndpoints(`\uFEFF${text}`)).toEqual(right(endpoints));
    expect(jsonEndpoints(" [] ")).toEqual(right([]));
  });

  test("reports all problems, with path, value and what is expected", () => {
    const text = JSON.stringify([
      "http://a:1",
      "",
      7,
      null,
      ["http://b:2"],
      {},
      { key: 5 },
      { key: "", weight: 2 },
      { key: "http://c:3", weight: 0 },
      { key: "http://d:4", weight: "2" },
      { key: "http://e:5", wieght: 2 },
      { key: "http://a:1" },
      { weight: -1, zone: "x".repeat(100) },
    ]);
    expect(jsonEndpoints(text)).toEqual(
      left([
        '[1] must be a key (got "")',
        "[2] must be a key, or an object with a key (got 7)",
        "[3] must be a key, or an object with a key (got null)",
        '[4] must be a key, or an object with a key (got ["http://b:2"])',
        "[5].key must be a string that is not empty (missing)",
        "[6].key must be a string that is not empty (got 5)",
        '[7].key must be a string that is not empty (got "")',
        "[8].weight must be a number above 0 (got 0)",
        '[9].weight must be a number above 0 (got "2")',
        '[10] must have no fields other than key and weight (got "wieght")',
        'key of [11] must be unique, but [0] has the same (got "http://a:1")',
        "[12].key must be a string that is not empty (missing)",
        "[12].weight must be a number above 0 (got -1)",
        '[12] must have no fields other than key and weight (got "zone")',
      ]),
    );
  });

  test("jsonEntries skips invalid entries and reports them", () => {
    const text = JSON.stringify([
      "http://a:1",
      7,
      { key: "http://b:2", weight: 0 },
      { key: "http://c:3" },
      "http://a:1",
    ]);
    expect(jsonEntries(text)).toEqual(
      right({
        endpoints: [{ key: "http://a:1" }, { key: "http://c:3" }],
        problems: [
          "[1] must be a key, or an object with a key (got 7)",
          "[2].weight must be a number above 0 (got 0)",
          'key of [4] must be unique, but [0] has the same (got "http://a:1")',
        ],
      }),
    );
    expect(jsonEntries("[]")).toEqual(right({ endpoints: [], problems: [] }));
    expect(jsonEntries("[7]")).toEqual(left(["[0] must be a key, or an object with a key (got 7)"]));
  });

  test("has keys in the form of keyOf", () => {
    const options = {
      keyOf: (key: string) => (key.startsWith("http:") ? key.toLowerCase() : undefined),
      validKey: "http://HOST",
    };
    const text = JSON.stringify(["http://A", "a:1", { key: "b:2" }, {}, { key: "http://a" }]);
    expect(jsonEntries(text, options)).toEqual(
      right({
        endpoints: [{ key: "http://a" }],
        problems: [
          '[1] must be http://HOST (got "a:1")',
          '[2].key must be http://HOST (got "b:2")',
          "[3].key must be http://HOST (missing)",
          'key of [4] must be unique, but [0] has the same (got "http://a")',
        ],
      }),
    );
  });

  test("reports the first hundred problems", () => {
    const read = jsonEntries(JSON.stringify(Array.from({ length: 5_000 }, (_, n) => n)));
    expect(read).toMatchObject({ left: { length: 101, 100: "and 4,900 more" } });
  });

  test.each([
    "[".repeat(100_000),
    `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
    `[${'{"key":'.repeat(50_000)}1`,
  ])("may be nested to any depth: %#", (text) => {
    expect(jsonEntries(text)).toMatchObject({ left: [expect.not.stringContaining("call stack")] });
  });

  test("property: jsonEntries never throws", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc.jsonValue().map((each) => JSON.stringify([each])),
        ),
        (text) => {
          const read = jsonEntries(text);
          const lines = isLeft(read) ? read.left : read.right.problems;
          expect(lines.every((line) => line.length < 500)).toBe(true);
        },
      ),
    );
  });

  test("has finite weights", () => {
    const problems = ["[0].weight must be a number above 0 (got Infinity)"];
    expect(jsonEndpoints('[{ "key": "a", "weight": 1e999 }]')).toEqual(left(problems));
  });

  test.each(["", "[", '["http://a:1",', "http://a:1"])("rejects invalid JSON: %s", (text) => {
    expect(jsonEndpoints(text)).toMatchObject({
      left: [expect.stringMatching(/^the file is not valid JSON: ./)],
    });
  });

  test.each(["{}", '"http://a:1"', "null", "3"])("rejects anything but a list: %s", (text) => {
    expect(jsonEndpoints(text)).toEqual(left([`the file must be a list (got ${text})`]));
  });

  test("property: jsonEndpoints never throws, and rejects truncated lists", () => {
    fc.assert(
      fc.property(fc.json(), fc.string(), (json, text) => {
        jsonEndpoints(json);
        jsonEndpoints(text);
      }),
    );
    const list = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1 });
    fc.assert(
      fc.property(list, fc.nat(), (keys, at) => {
        const text = JSON.stringify(keys);
        expect(jsonEndpoints(text)).toEqual(right(keys.map((key) => ({ key }))));
        expect(jsonEndpoints(text.slice(0, at % text.length))._tag).toBe("Left");
      }),
    );
  });
});
