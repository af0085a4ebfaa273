import { z } from "zod";
import * as fields from "./fields.ts";
import * as units from "./units.ts";

/** What schemas are made of. Workers run policies without it: only what reads a configuration loads a schema library. */
export const vocabulary = { z, ...fields, ...units } as const;

export type Vocabulary = typeof vocabulary;
