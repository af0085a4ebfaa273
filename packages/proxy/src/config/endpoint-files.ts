import { isLeft } from "@pagoda/core";
import { originsIn } from "./origins.ts";
import { locate } from "./resolved.ts";
import type { Config } from "./schema/config.ts";

/** Problems of the files that list endpoints. */
export interface EndpointFiles {
  /** A line for each entry that would be skipped, and for each file that would be ignored. */
  readonly problems: readonly string[];
  /** A line for each missing file: the program starts and waits for it. */
  readonly warnings: readonly string[];
}

/**
 * Reads the files that list endpoints, as the program does at run time.
 *
 * @param read Returns the text of a file, by its path; throws Node's errors.
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
