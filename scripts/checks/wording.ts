// Phrases that read as if translated. Each has occurred in this repository.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../workspace.ts";
import { faultless, type Outcome, type Step } from "./outcome.ts";

interface Phrase {
  readonly pattern: RegExp;
  readonly instead: string;
}

const phrases: readonly Phrase[] = [
  { pattern: /\bvalid (?:is|are)\b/giu, instead: "<field> must be <what> (got <value>)" },
  { pattern: /\bmust be said\b/giu, instead: "required" },
  { pattern: /(?<!there |^ *\*? *)\b(?:is|are) none\b/giu, instead: "is not a …, there is no …" },
  {
    pattern:
      /(?<!there |^ *\*? *)\b(?:is|are) no (?!longer\b|more\b|less\b|different\b|better\b|finer\b|reason\b)/giu,
    instead: "is not a …",
  },
  { pattern: /\bfor (?:there (?:is|are)|nobody)\b/giu, instead: "because …" },
  { pattern: /\bso many milliseconds\b/giu, instead: "<n> milliseconds" },
  { pattern: /\band ever more\b/giu, instead: "more and more" },
  { pattern: /\bwhat becomes of\b/giu, instead: "what happens to" },
  { pattern: /\bthe former one\b/giu, instead: "the previous one" },
  { pattern: /\b(?:not )?taken over\b/giu, instead: "applied, rejected" },
  { pattern: /\bfound out\b/giu, instead: "found, discovered, determined" },
  { pattern: /\b(?:is|are|was|were) told (?:of|so)\b/giu, instead: "is notified of, receives" },
  { pattern: /\bin vain\b/giu, instead: "without success, needlessly" },
  { pattern: /\bthe matter of\b/giu, instead: "the job of" },
  { pattern: /\bwhoever\b/giu, instead: "a caller that …, the client that …" },
  { pattern: /\bfor ever\b/giu, instead: "forever, permanently" },
  { pattern: /\bunder way\b/giu, instead: "in flight, in progress" },
  { pattern: /\bsomebody\b/giu, instead: "someone, a caller, a client" },
  { pattern: /\bhalf-way\b/giu, instead: "midway, incomplete" },
  { pattern: /\b(?:with|of|for|after|in|by) so many\b/giu, instead: "this many, n, a number of" },
  { pattern: /\b(?:goes|went) on\b/giu, instead: "continues" },
  { pattern: /\b(?:hears?|tells?|told) of\b/giu, instead: "is notified of, reports" },
  { pattern: /\bas (?:it|they) stands?\b/giu, instead: "as is, unchanged" },
  { pattern: /\ball the same\b/giu, instead: "still, nevertheless" },
  { pattern: /\bas the case may be\b/giu, instead: "depending on …" },
  { pattern: /\blest\b/giu, instead: "so that … not, otherwise" },
  { pattern: /\bheld against\b/giu, instead: "compared with" },
  { pattern: /\bto and fro\b/giu, instead: "back and forth" },
  { pattern: /\bfor want of\b/giu, instead: "because … is missing" },
  { pattern: /\b(?:it|that) is said\b/giu, instead: "the configuration says, as documented" },
];

const texts = ["*.md", "docs/**/*.{md,ts}", "packages/**/*.{ts,md,yaml,yml}", "scripts/**/*.{ts,mjs,md}"];
/** Third-party and generated files, and the list of phrases itself. */
const left = (path: string): boolean =>
  /(?:^|\/)(?:node_modules|dist|CHANGELOG\.md|api)(?:\/|$)|^scripts\/(?:checks\/wording|test\/wording\.test)\.ts$/u.test(
    path,
  );

export const wording: Step = {
  name: "wording",
  run: (only) => Promise.resolve([wordingOutcome(root, only?.folder)]),
};

/** @param folder Limits the check to this folder, relative to `base`. */
export function wordingOutcome(base: string, folder?: string): Outcome {
  // The slash excludes folders with a longer name.
  const inside = folder === undefined ? "" : `${folder}/`;
  const files = globSync(texts as string[], { cwd: base, exclude: (path) => left(path) });
  return faultless(
    "plain English",
    files
      .filter((path) => !left(path) && path.startsWith(inside))
      .toSorted()
      .flatMap((path) => wordingFaults(path, readFileSync(join(base, path), "utf8"))),
  );
}

/** The occurrences of the phrases in a text, and what to write instead. */
export function wordingFaults(path: string, text: string): string[] {
  return text
    .split("\n")
    .flatMap((line, at) =>
      phrases.flatMap(({ pattern, instead }) =>
        Array.from(line.matchAll(pattern), ([phrase]) => `${path}:${at + 1}: "${phrase.trim()}": ${instead}`),
      ),
    );
}
