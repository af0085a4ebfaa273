import { checkNumber } from "@pagoda/core";

/** Options of {@link decompress} and {@link decompressRequests}. */
export interface DecompressOptions {
  /**
   * Maximum size of a decompressed body in bytes: over 0, or `Infinity`, the default. Reading a body
   * as a whole has a limit of its own.
   */
  readonly maxBytes?: number;
  /**
   * Maximum size of a decompressed body as a multiple of what has arrived, once it exceeds 1 MiB: 1
   * or more, or `Infinity`. Default 200, as in Apache.
   */
  readonly maxRatio?: number;
}

/** @throws RangeError if an option is out of range. */
export function checked(
  factory: string,
  { maxBytes = Infinity, maxRatio = 200 }: DecompressOptions,
): Required<DecompressOptions> {
  checkNumber(`${factory}: maxBytes`, maxBytes, { above: 0, max: Infinity });
  checkNumber(`${factory}: maxRatio`, maxRatio, { min: 1, max: Infinity });
  return { maxBytes, maxRatio };
}

/** The limits that apply, for descriptions, which are JSON. */
export function finite(limits: Required<DecompressOptions>): { readonly [limit: string]: number } {
  return Object.fromEntries(Object.entries(limits).filter(([, limit]) => limit < Infinity));
}
