import type { UnknownField } from "@bufbuild/protobuf";

/** Fields of a message that are not read, by number. */
export interface Skipped {
  /** Fields without effect here. */
  readonly ignored: Readonly<Record<number, string>>;
  /** Fields that must not be skipped. */
  readonly refused: Readonly<Record<number, string>>;
}

/**
 * Reports all fields that must not be skipped, and those that nobody knows.
 *
 * @param at The place of the message with a dot at its end; empty for the resource itself.
 * @returns The names of the others.
 */
export function skippedFields(
  unknown: readonly UnknownField[] | undefined,
  { ignored, refused }: Skipped,
  at: string,
  problems: string[],
): readonly string[] {
  const names: string[] = [];
  for (const no of new Set(unknown?.map((field) => field.no))) {
    const name = ignored[no];
    if (name !== undefined) names.push(name);
    else
      problems.push(
        refused[no] === undefined ? `${at}field ${no} is not known` : `${at}${refused[no]} must be absent`,
      );
  }
  return names;
}

/** The name of a field as in the protocol: `inline_bytes`. */
export function fieldName(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
