import { z } from "zod";

/** An object with exactly these fields. An unknown one is a mistake; the message then lists those that there are. */
export function fields<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code === "unrecognized_keys") return Object.keys(shape).join(", ");
      return issue.code === "invalid_type" ? "valid is an object with fields of its own" : undefined;
    },
  });
}

/** A list with at least one entry. */
export function some<T extends z.ZodType>(entry: T): z.ZodArray<T> {
  return z
    .array(entry, { error: "valid is a list" })
    .min(1, { error: "is empty; valid is a list with at least one entry" });
}

/** One of a few words. */
export function word<const W extends readonly [string, ...string[]]>(words: W) {
  return z.enum(words, { error: `valid is one of ${words.join(", ")}` });
}

export const flag: z.ZodBoolean = z.boolean({ error: "valid is true or false" });

export const text: z.ZodString = z.string({ error: "valid is a text" });

export function whole(least: number, most: number): z.ZodInt {
  const error = `valid is a whole number from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}

/** What routes, clusters and listeners are called: it stands in metrics, logs and other parts of the file. */
export const name: z.ZodString = text.regex(/^[\w][\w.-]{0,62}$/, {
  error: "valid are 1 to 63 letters, digits and _.-, the first one no dot or hyphen",
});
