import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type } from "arktype";
import * as v from "valibot";
import * as z from "zod";

export interface Lamp {
  readonly name: string;
  readonly watts: number;
}

/** The same schema in each library, and an asynchronous one. */
export const schemas = {
  zod: z.object({ name: z.string(), watts: z.number() }),
  valibot: v.object({ name: v.string(), watts: v.number() }),
  arktype: type({ name: "string", watts: "number" }),
  asynchronous: {
    "~standard": {
      version: 1,
      vendor: "custom",
      async validate(value) {
        const { name, watts } = value as Lamp;
        return typeof watts === "number"
          ? { value: { name, watts } }
          : { issues: [{ message: "not a number", path: ["watts"] }] };
      },
    },
  } satisfies StandardSchemaV1<unknown, Lamp>,
} as const;

/** A schema whose output type differs from its input type. */
export const length = z.object({ name: z.string() }).transform(({ name }) => name.length);
