import { jsonEntries, type ParsedEntries } from "@pagoda/discovery";
import type { Either } from "fp-ts/lib/Either.js";
import { originOf, validOrigin } from "./address.ts";

/** The origins that a file lists; invalid entries are left out. */
export function originsIn(text: string): Either<readonly string[], ParsedEntries> {
  return jsonEntries(text, { keyOf: originOf, validKey: validOrigin });
}
