import { HttpHeaders, sameName } from "@pagoda/http";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

const wire = ["Host", "a", "Set-Cookie", "x=1", "accept", "*/*", "set-cookie", "y=2", "SET-COOKIE", "z=3"];

/** Few names in many letter cases, so that most runs repeat one. */
const name = fc.constantFrom("a", "A", "bb", "Bb", "BB", "x-c", "X-C", "X-c");
const pairs = fc.array(fc.tuple(name, fc.string({ maxLength: 4 })), { maxLength: 8 });

describe("HttpHeaders", () => {
  test("preserves order, case and repetition", () => {
    const headers = new HttpHeaders(wire);
    expect(headers.raw).toBe(wire);
    expect(headers.size).toBe(5);
    expect([...headers].flat()).toEqual(wire);
  });

  test("finds fields case-insensitively", () => {
    const headers = new HttpHeaders(wire);
    expect(headers.get("set-Cookie")).toBe("x=1");
    expect(headers.all("set-cookie")).toEqual(["x=1", "y=2", "z=3"]);
    expect(headers.get("HOST")).toBe("a");
    expect(headers.has("Accept")).toBe(true);
    expect(headers.get("accep")).toBeUndefined();
    expect(headers.all("none")).toEqual([]);
    expect(headers.has("none")).toBe(false);
  });

  test("does not mistake a value for a name", () => {
    expect(new HttpHeaders(["a", "b", "c", "a"]).all("b")).toEqual([]);
  });

  test("a field may have an empty value", () => {
    expect(new HttpHeaders(["a", ""]).get("a")).toBe("");
    expect(new HttpHeaders(["a", ""]).has("a")).toBe(true);
  });

  test("set replaces all fields of that name with one", () => {
    expect(new HttpHeaders(wire).set("Set-cookie", "n").raw).toEqual([
      "Host",
      "a",
      "Set-cookie",
      "n",
      "accept",
      "*/*",
    ]);
    expect(HttpHeaders.empty.set("a", "1").raw).toEqual(["a", "1"]);
  });

  test("append adds another field, delete removes all", () => {
    expect(new HttpHeaders(["a", "1"]).append("A", "2").raw).toEqual(["a", "1", "A", "2"]);
    expect(new HttpHeaders(wire).delete("set-cookie").raw).toEqual(["Host", "a", "accept", "*/*"]);
  });

  test("delete of an absent field makes no copy", () => {
    const headers = new HttpHeaders(wire);
    expect(headers.delete("none")).toBe(headers);
  });

  test("of accepts an object, in which an array repeats the field", () => {
    expect(HttpHeaders.of({ a: "1", b: ["2", "3"], c: [] }).raw).toEqual(["a", "1", "b", "2", "b", "3"]);
  });

  test("of accepts pairs, other HttpHeaders and maps", () => {
    const pairs: [string, string][] = [
      ["a", "1"],
      ["A", "2"],
    ];
    expect(HttpHeaders.of(pairs).raw).toEqual(["a", "1", "A", "2"]);
    expect(HttpHeaders.of(new HttpHeaders(wire)).raw).toEqual(wire);
    expect(HttpHeaders.of(new Map([["a", "1"]])).raw).toEqual(["a", "1"]);
    expect(HttpHeaders.of({})).toBe(HttpHeaders.empty);
  });

  test("sameName compares case-insensitively", () => {
    expect(sameName("Content-Type", "content-type")).toBe(true);
    expect(sameName("Content-Type", "content-typ")).toBe(false);
    expect(sameName("ab", "ac")).toBe(false);
    // Other characters that differ in the same bit.
    expect(sameName("a^", "a~")).toBe(false);
    expect(sameName("A@", "a`")).toBe(false);
  });

  type Fields = (readonly [name: string, value: string])[];
  const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

  function changed(fields: Fields, kind: "set" | "append" | "delete", name: string, value: string): Fields {
    if (kind === "append") return fields.concat([[name, value]]);
    const at = fields.findIndex(([each]) => same(each, name));
    const before = fields.slice(0, at < 0 ? fields.length : at);
    const after = fields.slice(before.length).filter(([each]) => !same(each, name));
    return [...before, ...(kind === "set" ? [[name, value] as const] : []), ...after];
  }

  test("property: changes never mutate and agree with a list of pairs", () => {
    const change = fc.record({
      kind: fc.constantFrom("set" as const, "append" as const, "delete" as const),
      name,
      value: fc.string({ maxLength: 4 }),
    });
    fc.assert(
      fc.property(pairs, fc.array(change, { maxLength: 8 }), name, (start, changes, asked) => {
        let headers = HttpHeaders.of(start);
        let model: Fields = start;
        for (const { kind, name, value } of changes) {
          Object.freeze(headers.raw);
          headers = kind === "delete" ? headers.delete(name) : headers[kind](name, value);
          model = changed(model, kind, name, value);
          expect([...headers]).toEqual(model);
        }
        const values = model.filter(([each]) => same(each, asked)).map(([, value]) => value);
        expect(headers.all(asked)).toEqual(values);
        expect(headers.get(asked)).toBe(values[0]);
        expect(headers.has(asked)).toBe(values.length > 0);
        expect(headers.size).toBe(model.length);
      }),
    );
  });
});
