import * as fc from "fast-check";

/** What these tests use of a JSON Schema. */
export interface Schema {
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly type?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

/** Strings that are valid in some place. */
const usual: readonly string[] = [
  "1ms 5s 1KiB 240B/s 10/s 50%",
  "shop GET /a /a/* 10.0.0.0/8 shop.example spiffe://mesh/shop websocket x-name",
].flatMap((line) => line.split(" "));

/** Strings at and around the bounds of quantities and grammars. */
const unusual: readonly string[] = [
  "0ms 0.4ms 0.5ms 9ms 10ms 0.5s 999ms 1s 59m 1h 596h 2147483647ms 2147483648ms 597h",
  "0B 0.5B 1B 1.5KiB 1024GiB 1025GiB 0B/s 1B/s 1024MiB/s 1025MiB/s",
  "0/s 0.9/h 1/h 1/m 0.5/s 1000000/s 1000001/s 0% 0.0000001% 1% 99.9999999% 100% 101%",
  "get CONNECT /a%2Fb // * a*b 10.0.0.0/33 ::1 127.0.0.1:0 127.0.0.1:5353 http://127.0.0.1:1/v1/traces",
  "*.shop.example spiffe://mesh/* connect h2c host é ( a+ $1 HIGH TLS_AES_128_GCM_SHA256",
]
  .flatMap((line) => line.split(" "))
  .concat("", " ", "a b", "a\nb", "\0", "x".repeat(70));

const shares: readonly number[] = [0, Number.MIN_VALUE, 0.5, 1 - Number.EPSILON / 2, 1, 1 + Number.EPSILON];

/** Values that a schema allows and some that it does not, mostly at and around its bounds. */
export function anyValue(schema: Schema): fc.Arbitrary<unknown> {
  const { properties, required = [], items, additionalProperties } = schema;
  const several = schema.anyOf ?? schema.oneOf;
  if (several !== undefined) return fc.oneof(...several.map(anyValue));
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if ("const" in schema) return fc.constant(schema.const);
  if (properties !== undefined) {
    const each = Object.entries(properties).map(([name, field]) => [name, anyValue(field)] as const);
    return fc.record(Object.fromEntries(each), { requiredKeys: [...required] });
  }
  if (typeof additionalProperties === "object")
    return fc.dictionary(anyText(), anyValue(additionalProperties), { maxKeys: 2 });
  if (items !== undefined) return fc.array(anyValue(items), { minLength: 0, maxLength: 2 });
  if (schema.type === "boolean") return fc.boolean();
  if (schema.type === "integer" || schema.type === "number") return fc.constantFrom(...numbersAround(schema));
  return anyText(schema.pattern);
}

/** Without a pattern mostly usual ones: a value with many strings would hardly ever be valid. */
function anyText(pattern?: string): fc.Arbitrary<string> {
  const some = fc.constantFrom(...usual);
  if (pattern === undefined)
    return fc.oneof({ weight: 3, arbitrary: some }, { weight: 1, arbitrary: fc.constantFrom(...unusual) });
  const valid = new RegExp(pattern);
  return fc.constantFrom(...usual.concat(unusual).filter((text) => valid.test(text)));
}

function numbersAround({ type, minimum, exclusiveMinimum, maximum }: Schema): readonly number[] {
  const bounds = [minimum, exclusiveMinimum, maximum].filter((bound) => bound !== undefined);
  const around = bounds.flatMap((bound) => [bound - 1, bound, bound + 1]);
  return type === "integer" ? [...around, 1.5] : [...around, ...shares, Number.MAX_VALUE];
}
