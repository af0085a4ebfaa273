import { jsonEntries, type ParsedEntries } from "@pagoda/discovery";
import type { Either } from "@pagoda/core";
import { originOf, validOrigin } from "./address.ts";

/** The origins listed in a file; invalid entries are skipped. */
export function originsIn(text: string): Either<readonly string[], ParsedEntries> {
  return jsonEntries(text, { keyOf: originOf, validKey: validOrigin });
}
