import * as fc from "fast-check";
import { isLeft } from "fp-ts/lib/Either.js";
import { pino } from "pino";
import { expect, test } from "vitest";
import { jsonSchema } from "../../src/config/json-schema.ts";
import { readConfig } from "../../src/config/read.ts";
import { startDataPlane } from "../../src/data-plane/data-plane.ts";

interface Schema {
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly type?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

/** Strings: boundaries of quantities, and values valid in some places. */
const texts: readonly string[] = [
  "0ms 1ms 10ms 0.5s 1h 596h",
  "0B 1B 1.5KiB 1024GiB",
  "1/h 0.5/s 1000000/s",
  "0% 1% 50% 100%",
  "shop GET /a /a/* 10.0.0.0/8 shop.example spiffe://mesh/shop",
].flatMap((line) => line.split(" "));

/** Anything that a schema allows, mostly at its boundaries. */
function anyOf(schema: Schema): fc.Arbitrary<unknown> {
  const { properties, required = [], items, minimum = -1, maximum = 1e9 } = schema;
  const several = schema.anyOf ?? schema.oneOf;
  if (several !== undefined) return fc.oneof(...several.map(anyOf));
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if ("const" in schema) return fc.constant(schema.const);
  if (properties !== undefined) {
    const each = Object.entries(properties).map(([name, field]) => [name, anyOf(field)] as const);
    return fc.record(Object.fromEntries(each), { requiredKeys: [...required] });
  }
  if (items !== undefined) return fc.array(anyOf(items), { minLength: 1, maxLength: 2 });
  if (schema.type === "boolean") return fc.boolean();
  if (schema.type === "integer" || schema.type === "number")
    return fc.constantFrom(minimum, minimum + 1, maximum);
  const pattern = new RegExp(schema.pattern ?? "");
  return fc.constantFrom(...texts.filter((text) => pattern.test(text)));
}

function at(...path: readonly string[]): Schema {
  let schema = jsonSchema() as Schema;
  for (const part of path)
    schema = (
      part === "[]" ? schema.items : part === "*" ? schema.additionalProperties : schema.properties?.[part]
    ) as Schema;
  return schema;
}

/** One random field of an object: several at once would mostly be rejected. */
function anyField({ properties = {} }: Schema, without: readonly string[] = []): fc.Arbitrary<object> {
  const fields = Object.entries(properties).filter(([name]) => !without.includes(name));
  return fc.oneof(...fields.map(([name, field]) => fc.record({ [name]: anyOf(field) })));
}

// The test supplies endpoints; files are read before a data plane starts.
const ofCluster = anyField(at("clusters", "*"), ["endpoints", "dns", "srv", "file", "tls", "policies"]);
const aroundCluster = anyField(at("clusters", "*", "policies"));
const atDoor = anyField(at("listeners", "[]", "policies"));
const onRoute = anyField(at("listeners", "[]", "routes", "[]", "policies"));

test("every configuration that passes the check starts, with usable endpoints", async () => {
  let started = 0;
  const parts = fc.record({ door: atDoor, policies: onRoute, settings: ofCluster, around: aroundCluster });
  await fc.assert(
    fc.asyncProperty(parts, async ({ door, policies, settings, around }) => {
      const route = { name: "all", cluster: "shop" };
      const listener = { name: "main", address: "127.0.0.1:0", routes: [route] };
      const shop = { endpoints: ["http://127.0.0.1:1"] };
      const all = [
        { listeners: [{ ...listener, policies: door }], clusters: { shop } },
        { listeners: [{ ...listener, routes: [{ ...route, policies }] }], clusters: { shop } },
        { listeners: [listener], clusters: { shop: { ...shop, ...settings } } },
        { listeners: [listener], clusters: { shop: { ...shop, policies: around } } },
      ];
      for (const config of all) {
        const read = readConfig(JSON.stringify(config));
        if (isLeft(read)) continue;
        const errors: string[] = [];
        const log = pino({ level: "error" }, { write: (line: string) => errors.push(line) });
        const context = { log, ticketSecret: new Uint8Array(32) };
        const plane = await startDataPlane({ config: read.right, files: new Map() }, context);
        if (isLeft(plane)) throw plane.left.cause;
        await plane.right.drain(0);
        expect(errors).toEqual([]);
        started++;
      }
    }),
    { numRuns: 500 },
  );
  // Otherwise the test would show nothing.
  expect(started).toBeGreaterThan(500);
});
