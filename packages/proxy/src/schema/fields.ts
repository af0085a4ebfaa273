import { z } from "zod";

/**
 * An object with exactly these fields. An unknown field is a problem whose message lists the known
 * ones.
 */
export function fields<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code === "unrecognized_keys") return Object.keys(shape).join(", ");
      return issue.code === "invalid_type" ? "must be an object" : undefined;
    },
  });
}

/** A list with at least one entry. */
export function some<T extends z.ZodType>(entry: T): z.ZodArray<T> {
  return z
    .array(entry, { error: "must be a list" })
    .min(1, { error: "must be a list with at least one entry" });
}

/** One of a few words. */
export function word<const W extends readonly [string, ...string[]]>(words: W) {
  return z.enum(words, { error: `must be one of ${words.join(", ")}` });
}

export const flag: z.ZodBoolean = z.boolean({ error: "must be true or false" });

export const text: z.ZodString = z.string({
  // It is asked about `min`, too, which its type does not say.
  error: ({ code }: { readonly code?: string }) =>
    code === "too_small" ? "must not be empty" : "must be a string",
});

export function whole(least: number, most: number): z.ZodInt {
  const error = `must be an integer from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}

/** The name of a route, cluster or listener, used in metrics, logs and other parts of the file. */
export const name: z.ZodString = text.regex(/^[\w][\w.-]{0,62}$/, {
  error: "must be 1 to 63 letters, digits, underscores, dots and hyphens, not starting with a dot or hyphen",
});
