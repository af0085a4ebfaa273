import { isLeft } from "fp-ts/lib/Either.js";
import { originsIn } from "./origins.ts";
import { locate } from "./resolved.ts";
import type { Config } from "./schema/config.ts";

/** What is wrong with the files that list endpoints. */
export interface EndpointFiles {
  /** A line for each entry that would be left out, and for each file that would not count at all. */
  readonly problems: readonly string[];
  /** A line for each file that is not there: the program starts, and waits for it. */
  readonly warnings: readonly string[];
}

/**
 * Reads the files that list endpoints, as the program does while it runs.
 *
 * @param read Gives the text of a file, by its place; throws what Node throws.
 */
export function checkEndpointFiles(
  { clusters }: Config,
  configFile: string | undefined,
  read: (file: string) => string,
): EndpointFiles {
  const problems: string[] = [];
  const warnings: string[] = [];
  const files = Object.values(clusters).flatMap(({ file }) => (file === undefined ? [] : [file]));
  for (const file of new Set(files.map((each) => locate(each, configFile)))) {
    try {
      const listed = originsIn(read(file));
      const wrong = isLeft(listed) ? listed.left : listed.right.problems;
      problems.push(...wrong.map((problem) => `${file}: ${problem}`));
    } catch (error) {
      warnings.push(`${file}: cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
    }
  }
  return { problems, warnings };
}
