import * as fc from "fast-check";

/** Short enough for a backtracking engine. */
export const texts: fc.Arbitrary<string> = fc.string({
  unit: fc.constantFrom("a", "b", "/", "0", "-", "é", "∂", "\n"),
  maxLength: 8,
});

const units = fc.constantFrom(
  "a",
  "b",
  "/",
  "0",
  ".",
  "\\d",
  "\\W",
  "\\s",
  "[ab]",
  "[^a]",
  "[a-z/]",
  "[\\d-]",
  "\\.",
);
const repetitions = fc.constantFrom("", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{0,2}?", "{1,}");

const repeatedUnits = sequence(units);

/**
 * Capturing groups, never inside a repetition, where JavaScript forgets the captures of earlier iterations and takes back
 * an empty one.
 */
export const groupedPatterns: fc.Arbitrary<string> = fc
  .array(
    fc
      .tuple(fc.constantFrom("(", "(?:"), fc.array(repeatedUnits, { minLength: 1, maxLength: 3 }))
      .map(([opening, all]) => `${opening}${all.join("|")})`),
    { minLength: 1, maxLength: 3 },
  )
  .map((all) => all.join(""));

/** Nested repetitions, no capturing groups. */
export const patterns: fc.Arbitrary<string> = fc.letrec<{ pattern: string }>((tie) => ({
  pattern: fc.oneof(
    { maxDepth: 2 },
    repeatedUnits,
    sequence(tie("pattern").map((inner) => `(?:${inner})`)),
    fc.tuple(tie("pattern"), tie("pattern")).map((both) => both.join("|")),
  ),
})).pattern;

function sequence(items: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const repeated = fc.tuple(items, repetitions).map((both) => both.join(""));
  return fc.array(repeated, { maxLength: 3 }).map((all) => all.join(""));
}

/** JavaScript's own for a whole text. */
export function native(source: string): RegExp {
  return new RegExp(`^(?:${source})$`);
}
