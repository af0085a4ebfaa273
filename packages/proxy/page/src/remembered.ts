import { relative } from "./format.ts";
import type { Problem } from "./problems.ts";

/** How long a problem is shown after it was last true, in milliseconds. */
const keptMs = 60_000;

/** Keeps what comes and goes for a while, so that one can read it, and click its link. */
export class Remembered {
  readonly #last = new Map<string, { readonly problem: Problem; readonly at: number }>();

  /** @returns The problems of now, then those that have lasted until less than a minute ago. */
  with(problems: readonly Problem[], now: number): readonly Problem[] {
    for (const problem of problems)
      if (problem.comesAndGoes) this.#last.set(problem.key, { problem, at: now });
    const present = new Set(problems.map(({ key }) => key));
    const past: Problem[] = [];
    for (const [key, { problem, at }] of this.#last)
      if (now - at >= keptMs) this.#last.delete(key);
      else if (!present.has(key))
        past.push({ ...problem, text: `${problem.text} (until ${relative(at, now)})` });
    return [...problems, ...past];
  }
}
