import { builtInPolicies, type PolicyRegistry } from "../policies/registry.ts";
import { jsonSchema } from "./json-schema.ts";

interface Schema {
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string;
  readonly pattern?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

/** Quantities with a unit, by a part of their pattern. */
const quantities: readonly (readonly [part: string, name: string])[] = [
  ["(ms|s|m|h)", "duration: `250ms`, `5s`, `1.5m`, `1h`"],
  ["(B|KiB", "size: `512B`, `64KiB`, `1MiB`"],
  ["(\\/h|\\/m", "rate: `100/s`, `10/m`, `50/h`"],
  ["%$", "share: `20%`"],
  ["^(<=|>=|<|>) ?(\\d+(?:\\.\\d+)?)(ms|s)", "bound: `< 250ms`, `<= 1s`"],
  ["(%)$", "bound: `> 99.9%`"],
  ["^(<=|>=|<|>)", "bound: `< 1.25`"],
];

/**
 * Generates the reference page of the configuration from its schema.
 *
 * @param policies Default: the built-in ones.
 */
export function reference(policies: PolicyRegistry = builtInPolicies): string {
  const head = [
    "# Configuration reference",
    "",
    "Generated from the schema by `npm run configuration`. The format is YAML or JSON; unknown fields are errors.",
    "`pagoda check` validates a file, and `pagoda schema` prints the JSON Schema for editors.",
    "See the [examples](examples).",
  ];
  return referencePage(head, jsonSchema(policies));
}

/**
 * Generates a page from the JSON Schema of a file.
 *
 * @param head The lines before the tables.
 */
export function referencePage(head: readonly string[], schema: object): string {
  const page = new Page(head);
  page.section("The file", "", schema as Schema);
  return `${page.lines.join("\n")}\n`;
}

class Page {
  readonly lines: string[];
  /** Where each schema was described first. */
  readonly #known = new Map<string, string>();

  constructor(head: readonly string[]) {
    this.lines = [...head];
  }

  section(title: string, path: string, schema: Schema): void {
    const inner: (readonly [path: string, schema: Schema])[] = [];
    this.lines.push("", `## ${title}`, "");
    if (schema.description !== undefined) this.lines.push(schema.description, "");
    this.lines.push("| field | type | default | |", "| --- | --- | --- | --- |");
    const required = new Set(schema.required);
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      const at = path === "" ? name : `${path}.${name}`;
      const valid = validText(field, (object, suffix) => this.#link(`${at}${suffix}`, object, inner));
      const fallback = defaultText(field, required.has(name));
      this.lines.push(`| \`${name}\` | ${cell(valid)} | ${fallback} | ${cell(field.description ?? "")} |`);
    }
    for (const [at, object] of inner) this.section(`\`${at}\``, at, object);
  }

  /** Where an object is described: here, unless it was before. */
  #link(path: string, object: Schema, inner: (readonly [string, Schema])[]): string {
    const { description: _, default: __, ...bare } = object;
    const text = JSON.stringify(bare);
    let known = this.#known.get(text);
    if (known === undefined) {
      known = path;
      this.#known.set(text, path);
      inner.push([path, object]);
    }
    return `[\`${known}\`](#${anchor(known)})`;
  }
}

type Link = (object: Schema, suffix: string) => string;

function validText(schema: Schema, link: Link, suffix = ""): string {
  const { anyOf, oneOf, items, properties, additionalProperties, pattern, format } = schema;
  const several = anyOf ?? oneOf;
  if (several !== undefined) {
    const texts = several.map((each, at) =>
      validText(each, link, `${suffix}${oneOf === undefined ? "" : `#${at + 1}`}`),
    );
    return [...new Set(texts)].join(", or ");
  }
  if (items !== undefined) return `list of ${plural(validText(items, link, `${suffix}[]`))}`;
  if (properties !== undefined) return link(schema, suffix);
  if (typeof additionalProperties === "object")
    return `map of names to ${plural(validText(additionalProperties, link, `${suffix}.NAME`))}`;
  if (schema.enum !== undefined) return schema.enum.map((each) => `\`${String(each)}\``).join(", ");
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.type === "boolean") return "`true`, `false`";
  if (schema.type === "integer" || schema.type === "number") return numberText(schema);
  if (format === "uri") return "URL";
  const quantity = quantities.find(([part]) => pattern?.includes(part));
  return quantity?.[1] ?? "string";
}

function plural(text: string): string {
  return /^(?:string|URL|integer|number)$/.test(text) ? `${text}s` : text;
}

function numberText({ type, minimum, maximum }: Schema): string {
  const what = type === "integer" ? "integer" : "number";
  if (minimum === undefined) return what;
  return maximum === undefined ? `${what} from ${minimum}` : `${what} from ${minimum} to ${maximum}`;
}

function defaultText({ default: fallback, properties }: Schema, required: boolean): string {
  if (required) return "required";
  if (fallback === undefined || properties !== undefined) return "";
  return `\`${typeof fallback === "string" ? fallback : JSON.stringify(fallback)}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

/** The anchor that GitHub derives from a heading. */
function anchor(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\w-]/g, "");
}
