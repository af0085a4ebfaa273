import { z } from "zod";
import * as fields from "./fields.ts";
import { bare, secret } from "./secrets.ts";
import * as units from "./units.ts";

/**
 * The building blocks of schemas. Workers run policies without them: only code that reads a
 * configuration loads a schema library.
 */
export const vocabulary = { z, ...fields, ...units, bare, secret } as const;

export type Vocabulary = typeof vocabulary;
