import { hopAddress } from "@pagoda/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { endToEnd } from "@pagoda/forwarded";
import { FieldNames } from "../src/field-names.ts";
import { client, type Field, pass, requestWith } from "./bench.ts";

const hopByHop = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
];
const guarded = ["host", "content-length", "content-type", "authorization", "cookie", "forwarded", "via"];
const claimed = [
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-prefix",
  "x-real-ip",
];
const others = [
  "accept",
  "accept-encoding",
  "cache-control",
  "closed",
  "tf",
  "x-hop",
  "x-request-it",
  "x-forwarded",
];

/** Changes the case of the letters selected by the bits of a number. */
const inAnyCase = (names: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(names, fc.nat())
    .map(([name, bits]) =>
      name.replaceAll(/[a-z]/g, (c, at) => ((bits >> (at % 31)) & 1 ? c.toUpperCase() : c)),
    );

const token = fc.string({ unit: fc.constantFrom(..."abcxyz-0"), minLength: 1, maxLength: 40 });
const ordinary = inAnyCase(fc.oneof(fc.constantFrom(...guarded, ...others), token));
const anyName = inAnyCase(fc.oneof(fc.constantFrom(...hopByHop, ...guarded, ...claimed, ...others), token));
const value = fc.constantFrom("1", "trailers", "gzip, trailers", "a, b", "");
const connection = fc
  .array(anyName, { maxLength: 4 })
  .chain((names) => fc.tuple(inAnyCase(fc.constant("connection")), fc.constant(names.join(" , "))));
const fields: fc.Arbitrary<Field[]> = fc.array(
  fc.oneof({ weight: 6, arbitrary: fc.tuple(anyName, value) }, { weight: 1, arbitrary: connection }),
  { maxLength: 12 },
);

const lower = ([name]: Field): string => name.toLowerCase();
const pairs = (raw: readonly string[]): Field[] =>
  raw.flatMap((name, i): Field[] => (i % 2 === 0 ? [[name, raw[i + 1] as string]] : []));
const named = (all: readonly Field[]): string[] =>
  all
    .filter((field) => lower(field) === "connection")
    .flatMap(([, options]) => options.split(",").map((option) => option.trim().toLowerCase()));
const mayBeNamed = (name: string): boolean =>
  !guarded.includes(name) &&
  !name.startsWith("x-forwarded-") &&
  name !== "x-real-ip" &&
  name !== "x-request-id";

describe("property: endToEnd", () => {
  test("keeps end-to-end headers with their order, case and repetitions", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(ordinary, value)), (all) => {
        const kept = all.filter((field) => !hopByHop.includes(lower(field)));
        expect(endToEnd(all.flat())).toEqual(kept.flat());
      }),
    );
  });

  test("removes hop-by-hop headers and those named by Connection, and no others", () => {
    fc.assert(
      fc.property(fields, (all) => {
        const gone = new Set([...hopByHop, ...named(all).filter(mayBeNamed)]);
        const expected = all.filter((field) => !gone.has(lower(field)));
        const kept = pairs(endToEnd(all.flat()));
        expect(kept.filter((field) => lower(field) !== "te")).toEqual(expected);
        const te = kept.filter((field) => lower(field) === "te");
        expect(te.every(([, coding]) => coding === "trailers")).toBe(true);
      }),
    );
  });

  test("removes the headers selected by drop", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(ordinary, value)), ordinary, (all, dropped) => {
        const names = pairs(endToEnd(all.flat(), (name) => name.toLowerCase() === dropped.toLowerCase()));
        expect(names.map(lower)).not.toContain(dropped.toLowerCase());
      }),
    );
  });

  test("FieldNames behaves like a set of lower-case names", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(...hopByHop), token)), anyName, (names, name) => {
        const all = names.map((each) => each.toLowerCase());
        expect(new FieldNames(all).has(name)).toBe(all.includes(name.toLowerCase()));
      }),
    );
  });
});

describe("property: forwarded", () => {
  test("an untrusted peer cannot spoof the client", async () => {
    await fc.assert(
      fc.asyncProperty(fields, async (all) => {
        const { inner } = await pass(requestWith(all));
        const claims = pairs(inner.headers.raw).filter((field) =>
          /^(x-forwarded-.*|forwarded|x-real-ip|x-request-id)$/i.test(field[0]),
        );
        expect(claims).toEqual([
          ["x-forwarded-for", client.address],
          ["x-forwarded-proto", "http"],
          ["x-forwarded-host", "shop.example"],
          ["x-request-id", "new-1"],
        ]);
      }),
    );
  });

  test("keeps the addresses of a trusted peer and appends its own", async () => {
    await fc.assert(
      fc.asyncProperty(fields, async (all) => {
        const { inner } = await pass(requestWith(all), { trust: () => true });
        const before = all
          .filter((field) => lower(field) === "x-forwarded-for")
          .flatMap(([, addresses]) => addresses.split(","))
          .map((entry) => hopAddress(entry) ?? entry.trim())
          .filter((entry) => entry !== "");
        expect(inner.headers.all("x-forwarded-for")).toEqual([[...before, client.address].join(", ")]);
        expect(inner.headers.has("x-forwarded-proto")).toBe(true);
        expect(inner.headers.has("x-forwarded-host")).toBe(true);
      }),
    );
  });

  test("the client is the nearest untrusted hop, in any notation", async () => {
    const four = fc.integer({ min: 1, max: 4 }).map((n) => `192.0.2.${n}`);
    const six = fc.integer({ min: 1, max: 4 }).map((n) => `2001:db8::${n}`);
    const way = fc.nat({ max: 3 });
    /** A hop as written, and its canonical address. */
    const hop = fc.oneof(
      fc.tuple(four, way).map(([is, n]) => ({ is, text: [is, `${is}:80`, `::ffff:${is}`, ` ${is} `][n] })),
      fc
        .tuple(six, way)
        .map(([is, n]) => ({ is, text: [is, `[${is}]`, `[${is}]:80`, is.replace("::", ":0:0::")][n] })),
      fc.constantFrom("unknown", "_hidden", "192.0.2", "x:1").map((text) => ({ is: undefined, text })),
    );
    const peer = { address: "192.0.2.1", port: 1 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(hop, { maxLength: 5 }),
        fc.uniqueArray(fc.oneof(four, six)),
        async (hops, ours) => {
          const request = requestWith(
            hops.map(({ text }) => ["X-Forwarded-For", text as string]),
            { peer },
          );
          const { inner } = await pass(request, { trust: (address) => ours.includes(address) });
          let expected = peer.address;
          for (const { is } of hops.toReversed()) {
            if (is === undefined || !ours.includes(expected)) break;
            expected = is;
          }
          expect(inner.client.address).toBe(expected);
        },
      ),
    );
  });

  test("the client gets the origin's end-to-end headers, and two more", async () => {
    await fc.assert(
      fc.asyncProperty(fields, async (all) => {
        const { outer } = await pass(requestWith([]), {}, all);
        const kept = endToEnd(all.flat(), (name) => name.toLowerCase() === "x-request-id");
        expect(outer.headers.raw).toEqual([...kept, "via", "1.1 pagoda", "x-request-id", "new-1"]);
      }),
    );
  });
});
