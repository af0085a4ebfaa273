import { ROOT_CONTEXT, type SpanContext, trace } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { traceContext } from "@pagoda/tracing";
import { incoming, spanId, traceId } from "./bench.ts";

type Fields = Record<string, string | string[]>;
const getter = {
  keys: (fields: Fields) => Object.keys(fields),
  get: (fields: Fields, name: string) => fields[name],
};
const setter = { set: (fields: Fields, name: string, value: string) => void (fields[name] = value) };

function read(fields: Fields): SpanContext | undefined {
  return trace.getSpanContext(traceContext.extract(ROOT_CONTEXT, fields, getter));
}

function write(context: SpanContext): Fields {
  const fields: Fields = {};
  traceContext.inject(trace.setSpanContext(ROOT_CONTEXT, context), fields, setter);
  return fields;
}

function carriedOn(fields: Fields): Fields {
  const out: Fields = {};
  traceContext.inject(traceContext.extract(ROOT_CONTEXT, fields, getter), out, setter);
  return out;
}

const rest = `${traceId}-${spanId}-01`;

describe("traceContext reads a traceparent", () => {
  test("of version 00", () => {
    expect(read({ traceparent: incoming })).toMatchObject({ traceId, spanId, traceFlags: 1, isRemote: true });
    expect(read({ traceparent: `00-${traceId}-${spanId}-00` })?.traceFlags).toBe(0);
  });

  test("with the flags of version 00", () => {
    expect(read({ traceparent: `00-${traceId}-${spanId}-03` })?.traceFlags).toBe(3);
    expect(read({ traceparent: `00-${traceId}-${spanId}-ff` })?.traceFlags).toBe(3);
  });

  test.each(["cc-" + rest, `cc-${rest}-what-the-future-will-be-like`, `01-${traceId}-${spanId}-ff`])(
    "of a later version, with its known parts: %s",
    (traceparent) => {
      expect(read({ traceparent })).toMatchObject({ traceId, spanId, traceFlags: 1 });
    },
  );

  test.each([
    "",
    `00-${rest}.`,
    `00-${rest}-more`,
    `cc-${rest}.more`,
    `ff-${rest}`,
    `.0-${rest}`,
    `0-${rest}`,
    `000-${rest}`,
    `00-${"0".repeat(32)}-${spanId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${traceId}1-${spanId}-01`,
    `00-${traceId}-${spanId}1-01`,
    `00-${traceId.slice(1)}-${spanId}-01`,
    `00-${traceId}-${spanId}-.0`,
    `00-${traceId}-${spanId}-1`,
    `00-${traceId}-${spanId}-001`,
    `00-${traceId}-${spanId}`,
  ])("not of %j", (traceparent) => {
    expect(read({ traceparent, tracestate: "a=1" })).toBeUndefined();
  });

  test("not if it is repeated", () => {
    expect(read({ traceparent: [incoming, incoming] })).toBeUndefined();
  });

  test("property: like OpenTelemetry's own propagator", () => {
    const theirs = new W3CTraceContextPropagator();
    const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
    const field = fc.oneof(
      fc
        .tuple(hex(2), hex(32), hex(16), hex(2), fc.constantFrom("", "-x", "x"))
        .map(([version, trace, span, flags, more]) => `${version}-${trace}-${span}-${flags}${more}`),
      fc.constantFrom(incoming, `ff-${rest}`, `00-${rest}`),
      fc.string(),
    );
    fc.assert(
      fc.property(field, (traceparent) => {
        const other = trace.getSpanContext(theirs.extract(ROOT_CONTEXT, { traceparent }, getter));
        const own = read({ traceparent });
        expect(own?.traceId).toBe(other?.traceId);
        expect(own?.spanId).toBe(other?.spanId);
      }),
    );
  });
});

describe("traceContext reads a tracestate", () => {
  test("of one field or several", () => {
    expect(read({ traceparent: incoming, tracestate: "a=1,b=2" })?.traceState?.get("b")).toBe("2");
    const several = read({ traceparent: incoming, tracestate: ["a=1", "", "b=2"] });
    expect(several?.traceState?.serialize()).toBe("a=1,b=2");
  });

  test("and drops malformed members only", () => {
    expect(read({ traceparent: incoming, tracestate: "a" })).toMatchObject({ traceId });
    expect(read({ traceparent: incoming, tracestate: "a" })?.traceState).toBeUndefined();
  });
});

describe("traceContext propagates a tracestate", () => {
  const carried = (tracestate: string) => carriedOn({ traceparent: incoming, tracestate })["tracestate"];
  const members = (count: number): string => Array.from({ length: count }, (_, n) => `k${n}=v`).join(",");

  test.each([
    ["congo=t61rcWkgMzE", "congo=t61rcWkgMzE"],
    ["rojo=1,congo=2", "rojo=1,congo=2"],
    ["rojo=1 ,\t congo=2", "rojo=1,congo=2"],
    [",rojo=1, ,congo=2,", "rojo=1,congo=2"],
    ["", undefined],
    ["fw529a3039@dt=FfAA", "fw529a3039@dt=FfAA"],
    ["0a_-*/@z= !-~", "0a_-*/@z= !-~"],
  ])("as %j", (text, expected) => {
    expect(carried(text)).toBe(expected);
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
    `${"k".repeat(257)}=1`,
    `k=${"v".repeat(257)}`,
  ])("without the malformed member %j", (text) => {
    expect(carried(text)).toBeUndefined();
    expect(carried(`rojo=1,${text}`)).toBe("rojo=1");
  });

  test("of at most 32 members", () => {
    expect(carried(members(32))).toBe(members(32));
    expect(carried(members(33))).toBe(members(32));
  });

  test("of at most 512 characters", () => {
    const text = `a=${"x".repeat(254)},b=${"x".repeat(253)}`;
    expect(text).toHaveLength(512);
    expect(carried(text)).toBe(text);
    expect(carried(`${text}y`)).toBe(text.slice(0, 256));
  });

  test("property: the output is within limits and round-trips", () => {
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
        const once = carried(text);
        if (typeof once !== "string") return;
        expect(once.length).toBeLessThanOrEqual(512);
        expect(carried(once)).toBe(once);
      }),
    );
  });
});

describe("traceContext writes", () => {
  test("version 00 with its known flags", () => {
    expect(write({ traceId, spanId, traceFlags: 1 })).toEqual({ traceparent: incoming });
    expect(write({ traceId, spanId, traceFlags: 0xff })).toEqual({
      traceparent: `00-${traceId}-${spanId}-03`,
    });
  });

  test("nothing without valid ids", () => {
    expect(write({ traceId: "0".repeat(32), spanId, traceFlags: 1 })).toEqual({});
    const fields: Fields = {};
    traceContext.inject(ROOT_CONTEXT, fields, setter);
    expect(fields).toEqual({});
  });

  test.each([incoming, `cc-${rest}-more`, `00-${traceId}-${spanId}-ff`])(
    "%s unchanged if no span was started",
    (traceparent) => {
      expect(carriedOn({ traceparent, tracestate: "a=1, b=2" })).toEqual({
        traceparent,
        tracestate: "a=1,b=2",
      });
    },
  );

  test("no empty tracestate", () => {
    expect(carriedOn({ traceparent: incoming, tracestate: " , " })).toEqual({ traceparent: incoming });
  });

  test("names its fields", () => {
    expect(traceContext.fields()).toEqual(["traceparent", "tracestate"]);
  });
});
