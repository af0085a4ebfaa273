import { getEventListeners } from "node:events";
import { AbortSource, whenAborted } from "@pagoda/core";
import * as fc from "fast-check";
import { describe, expect, test, vi } from "vitest";

function told() {
  const events: string[] = [];
  const listener = (name: string) => ({
    onAbort: (reason: unknown) => events.push(`${name}: ${String(reason)}`),
  });
  return { events, listener };
}

describe("whenAborted", () => {
  test.each([
    ["an AbortSource", () => new AbortSource()],
    ["an AbortController", () => new AbortController()],
  ])("of %s runs the listeners once, in order, except for those that have ended", (_what, make) => {
    const source = make();
    const { events, listener } = told();
    whenAborted(source.signal, listener("first"));
    const ended = whenAborted(source.signal, listener("ended"));
    const last = whenAborted(source.signal, listener("last"));
    ended.end();
    ended.end();
    source.abort("gone");
    source.abort("again");
    last.end();
    expect(events).toEqual(["first: gone", "last: gone"]);
    expect(getEventListeners(source.signal, "abort")).toEqual([]);
  });

  test.each([
    ["an AbortSource", () => new AbortSource()],
    ["an AbortController", () => new AbortController()],
  ])("of %s: a listener can end another one", (_what, make) => {
    const source = make();
    const { events, listener } = told();
    whenAborted(source.signal, { onAbort: () => second.end() });
    const second = whenAborted(source.signal, listener("second"));
    whenAborted(source.signal, listener("third"));
    source.abort("gone");
    expect(events).toEqual(["third: gone"]);
  });

  test("reports what a listener throws, and runs the others", () => {
    const reports: (() => void)[] = [];
    vi.stubGlobal("queueMicrotask", (report: () => void) => reports.push(report));
    const source = new AbortSource();
    const { events, listener } = told();
    const defect = new Error("defect");
    whenAborted(source.signal, {
      onAbort() {
        throw defect;
      },
    });
    whenAborted(source.signal, listener("second"));
    source.abort("gone");
    vi.unstubAllGlobals();
    expect(events).toEqual(["second: gone"]);
    expect(reports).toHaveLength(1);
    expect(reports[0]).toThrow(defect);
  });

  test("finds the signal of a source aborted, and so do other listeners", () => {
    const source = new AbortSource();
    const seen: unknown[] = [];
    source.signal.addEventListener("abort", () => seen.push(source.signal.reason));
    whenAborted(source.signal, { onAbort: () => seen.push(source.signal.aborted) });
    source.abort("gone");
    expect(seen).toEqual(["gone", true]);
  });

  test("runs those that are left, whatever is added and ended before", () => {
    const step = fc.oneof(fc.constant("add" as const), fc.nat(20));
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const source = new AbortSource();
        const ran: number[] = [];
        const watches: { readonly end: () => void; isLeft: boolean }[] = [];
        for (const each of steps) {
          if (each === "add") {
            const at = watches.length;
            const watch = whenAborted(source.signal, { onAbort: () => ran.push(at) });
            watches.push({ end: () => watch.end(), isLeft: true });
          } else if (watches[each] !== undefined) {
            watches[each].end();
            watches[each].isLeft = false;
          }
        }
        source.abort();
        expect(ran).toEqual([...watches.keys()].filter((at) => watches[at]?.isLeft));
      }),
    );
  });
});
