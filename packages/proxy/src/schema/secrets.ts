import { formatValue, notShown, redactUrl } from "@pagoda/core";
import { z } from "zod";

/**
 * How much of a string may be shown. `none`: nothing. `bare`: a URL or path without user
 * information and query, which often contain tokens and passwords.
 */
type Shown = "none" | "bare";

const marks = z.registry<{ readonly shown: Shown }>();

/** Marks a field whose value may be a secret. It is never shown when a configuration is printed. */
export function secret<S extends z.ZodType>(schema: S): S {
  return marked(schema, "none");
}

/**
 * Marks a URL or a path. User information and query are removed when a configuration is printed.
 */
export function bare<S extends z.ZodType>(schema: S): S {
  return marked(schema, "bare");
}

/**
 * A mark also applies to schemas derived by checks and descriptions, but not to the schema derived
 * from.
 */
function marked<S extends z.ZodType>(schema: S, shown: Shown): S {
  const clone = schema.clone();
  marks.add(clone, { shown });
  return clone;
}

/** Whether a schema is marked as {@link secret} or {@link bare}. */
export function isMarked(schema: z.core.$ZodType): boolean {
  return marks.get(schema) !== undefined;
}

/** The schema inside a wrapper that only makes a value optional or transforms it. */
function insideOf(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  const { def } = schema._zod as z.core.$ZodTypes["_zod"];
  switch (def.type) {
    case "optional":
    case "default":
    case "prefault":
    case "nullable":
    case "readonly":
      return def.innerType;
    case "pipe":
      return def.in;
    default:
      return undefined;
  }
}

/** Characters of a value that a message shows. */
const maxShown = 200;

/** A value, valid or not, without anything that its schema marks as a secret. */
export function withoutSecrets(schema: z.core.$ZodType, value: unknown): unknown {
  const shown = marks.get(schema)?.shown;
  if (shown === "none") return value === undefined ? value : notShown;
  if (shown === "bare" && typeof value === "string") return redactUrl(value);
  const inside = insideOf(schema);
  if (inside !== undefined) return withoutSecrets(inside, value);
  const { def } = schema._zod as z.core.$ZodTypes["_zod"];
  switch (def.type) {
    case "union":
      // Each option removes the secrets it knows; it cannot know those of a value meant for another
      // option.
      return def.options.reduce((rest, option) => withoutSecrets(option, rest), value);
    case "array":
      return Array.isArray(value) ? value.map((each) => withoutSecrets(def.element, each)) : value;
    case "record":
      return mapped(value, () => def.valueType);
    case "object":
      return mapped(value, (name) => (Object.hasOwn(def.shape, name) ? def.shape[name] : undefined));
    default:
      return value;
  }
}

function mapped(value: unknown, schemaOf: (name: string) => z.core.$ZodType | undefined): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]: [string, unknown]) => {
      const schema = schemaOf(name);
      return [name, schema === undefined ? each : withoutSecrets(schema, each)];
    }),
  );
}

/** The schemas that may apply at a path: every option of a union. */
export function schemasAt(
  schema: z.core.$ZodType,
  [part, ...rest]: readonly (string | number)[],
): readonly z.core.$ZodType[] {
  if (part === undefined || isMarked(schema)) return [schema];
  const inside = insideOf(schema);
  const path = [part, ...rest];
  if (inside !== undefined) return schemasAt(inside, path);
  const { def } = schema._zod as z.core.$ZodTypes["_zod"];
  switch (def.type) {
    case "union":
      return def.options.flatMap((option) => schemasAt(option, path));
    case "array":
      return typeof part === "number" ? schemasAt(def.element, rest) : [];
    case "record":
      return schemasAt(def.valueType, rest);
    case "object": {
      const field = Object.hasOwn(def.shape, part) ? def.shape[part] : undefined;
      return field === undefined ? [] : schemasAt(field, rest);
    }
    default:
      return [];
  }
}

/** Whether a schema contains a mark. */
function holdsMarks(schema: z.core.$ZodType): boolean {
  if (isMarked(schema)) return true;
  const inside = insideOf(schema);
  if (inside !== undefined) return holdsMarks(inside);
  const { def } = schema._zod as z.core.$ZodTypes["_zod"];
  switch (def.type) {
    case "union":
      return def.options.some(holdsMarks);
    case "array":
      return holdsMarks(def.element);
    case "record":
      return holdsMarks(def.valueType);
    case "object":
      return Object.values(def.shape).some(holdsMarks);
    default:
      return false;
  }
}

/** Whether a string is allowed there, among others. */
function takesText(schema: z.core.$ZodType): boolean {
  if (schema instanceof z.ZodPipe) return true;
  const inside = insideOf(schema);
  if (inside !== undefined) return takesText(inside);
  const { def } = schema._zod as z.core.$ZodTypes["_zod"];
  switch (def.type) {
    case "union":
      return def.options.some(takesText);
    default:
      return def.type === "string";
  }
}

/**
 * Formats a value for an error message: as JSON, without possible secrets. The contents of an
 * object or list where none is expected are unmarked, so they are not shown at all. Neither is a
 * string where fields belong, since it may be those fields with a missing space.
 *
 * @param path The path of the value.
 */
export function shownAt(schema: z.core.$ZodType, path: readonly (string | number)[], value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "[]" : "a list";
  if (typeof value === "object" && value !== null)
    return Object.keys(value).length === 0 ? "{}" : "an object";
  const schemas = schemasAt(schema, path);
  if (typeof value === "string" && !schemas.some(takesText) && schemas.some(holdsMarks)) return "a string";
  const bareOf = schemas.reduce((rest: unknown, each) => withoutSecrets(each, rest), value);
  if (bareOf !== notShown) return formatValue(bareOf, maxShown);
  return typeof value === "string" ? notShown : `a ${typeof value}`;
}
