import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TraceState } from "@pagoda/tracing";

const written = (text: string): string | undefined => TraceState.parse(text)?.serialize();
const members = (count: number): string => Array.from({ length: count }, (_, n) => `k${n}=v`).join(",");

describe("TraceState", () => {
  test.each([
    ["congo=t61rcWkgMzE", "congo=t61rcWkgMzE"],
    ["rojo=1,congo=2", "rojo=1,congo=2"],
    ["rojo=1 ,\t congo=2", "rojo=1,congo=2"],
    [",rojo=1, ,congo=2,", "rojo=1,congo=2"],
    ["", ""],
    ["fw529a3039@dt=FfAA", "fw529a3039@dt=FfAA"],
    ["0a_-*/@z= !-~", "0a_-*/@z= !-~"],
  ])("reads %j", (text, expected) => {
    expect(written(text)).toBe(expected);
  });

  test.each([
    "foo",
    "=1",
    "foo=",
    "Foo=1",
    "foo =1",
    "foo=1=2",
    "foo=bar\u007f",
    "foo=a\u00e4",
    "_foo=1",
    "rojo=1,foo bar",
    `${"k".repeat(257)}=1`,
    `k=${"v".repeat(257)}`,
  ])("drops a list with the malformed member in %j", (text) => {
    expect(TraceState.parse(text)).toBeUndefined();
  });

  test("takes 32 members, and drops a list of 33", () => {
    expect(written(members(32))).toBe(members(32));
    expect(written(`${members(32)},,`)).toBe(members(32));
    expect(TraceState.parse(members(33))).toBeUndefined();
  });

  test("takes a key and a value of 256 characters", () => {
    expect(TraceState.parse(`${"k".repeat(256)}=1`)?.get("k".repeat(256))).toBe("1");
    expect(TraceState.parse(`k=${"v".repeat(256)}`)?.get("k")).toBe("v".repeat(256));
  });

  test("of members with one key the first counts", () => {
    expect(written("a=1,b=2,a=3")).toBe("a=1,b=2");
    expect(TraceState.parse("a=1,b=2,a=3")?.get("a")).toBe("1");
  });

  test("puts a member that is set first, and changes no list that there was", () => {
    const state = TraceState.parse("a=1,b=2") as TraceState;
    expect(state.set("b", "3").serialize()).toBe("b=3,a=1");
    expect(state.set("c", "3").serialize()).toBe("c=3,a=1,b=2");
    expect(state.unset("a").serialize()).toBe("b=2");
    expect(state.get("c")).toBeUndefined();
    expect(state.serialize()).toBe("a=1,b=2");
  });

  test("ignores what is set with a malformed key or value", () => {
    const state = TraceState.parse("a=1") as TraceState;
    expect(state.set("B", "1")).toBe(state);
    expect(state.set("b", "1,c=2")).toBe(state);
  });

  test("a 33rd member displaces the last", () => {
    const state = (TraceState.parse(members(32)) as TraceState).set("new", "1");
    expect(state.get("k31")).toBeUndefined();
    expect(state.get("k30")).toBe("v");
    expect(state.serialize().split(",")).toHaveLength(32);
  });

  test("cuts long members first, from the end, then the last ones", () => {
    const long = (key: string): string => `${key}=${"x".repeat(200)}`;
    expect(written(`${long("a")},b=1,${long("c")},${long("d")},e=2`)).toBe(
      `${long("a")},b=1,${long("c")},e=2`,
    );
    const short = Array.from({ length: 10 }, (_, n) => `k${n}=${"x".repeat(97)}`);
    expect(written(short.join(","))).toBe(short.slice(0, 5).join(","));
  });

  test("exactly 512 characters pass", () => {
    const text = `a=${"x".repeat(254)},b=${"x".repeat(253)}`;
    expect(text).toHaveLength(512);
    expect(written(text)).toBe(text);
    expect(written(`${text}y`)).toBe(text.slice(0, 256));
  });

  test("property: whatever comes, what is written is short, and reads as itself", () => {
    const member = fc.tuple(
      fc.stringMatching(/^[a-z0-9][a-z@]{0,200}$/),
      fc.stringMatching(/^[!-+]{1,200}$/),
    );
    const list = fc.oneof(
      fc.string(),
      fc.array(member, { maxLength: 40 }).map((all) => all.join(",").replaceAll(/,(?=[!-+])/g, "=")),
    );
    fc.assert(
      fc.property(list, (text) => {
        const once = written(text);
        if (once === undefined) return;
        expect(once.length).toBeLessThanOrEqual(512);
        expect(written(once)).toBe(once);
      }),
    );
  });
});
