import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** What replaces `__word__` in the files of a template and in their names. */
export type Words = Readonly<Record<string, string>>;

/**
 * Writes the files of a template: every `*.txt` of its folders, without that ending and with each
 * `__word__` replaced. The later of two files with the same name wins.
 *
 * @throws RangeError when a file has a word that is not given.
 */
export function writeTemplate(folders: readonly string[], target: string, words: Words): void {
  for (const folder of folders) {
    for (const file of globSync("**/*.txt", { cwd: folder })) {
      const written = join(target, fill(file.slice(0, -".txt".length), words));
      mkdirSync(dirname(written), { recursive: true });
      writeFileSync(written, fill(readFileSync(join(folder, file), "utf8"), words));
    }
  }
}

function fill(text: string, words: Words): string {
  return text.replaceAll(/__([@\w/-]+?)__/gu, (_, word: string) => {
    const value = words[word];
    if (value === undefined) throw new RangeError(`template: word must be given (got "${word}")`);
    return value;
  });
}

/** The spellings of a package's name in code: `max-length`, `maxLength`, `MaxLength`. */
export function spellings(packageName: string): Words {
  const name = folderOf(packageName);
  const camel = name.replaceAll(/-(.)/gu, (_, letter: string) => letter.toUpperCase());
  const pascal = camel.replace(/^./u, (letter) => letter.toUpperCase());
  return { name, camel, Pascal: pascal, package: packageName, dot: "." };
}

/** The name of a package's folder: its name without the scope. */
export function folderOf(packageName: string): string {
  return packageName.replace(/^@.*\//u, "");
}

/** What is wrong with the name of a package, if anything. */
export function nameProblem(name: string): string | undefined {
  if (/^(?:@[a-z0-9][\w.-]*\/)?[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/u.test(name)) return undefined;
  return `name must be lower-case words joined by "-", such as max-length or @acme/max-length (got "${name}")`;
}

/** Ranges of the dependencies that a created package has, by the manifest of the package that creates it. */
export function versionsOf(manifest: Manifest): Words {
  const versions = { ...manifest.devDependencies, ...manifest.peerDependencies };
  return Object.fromEntries(
    Object.entries(versions).map(([name, version]) => [name, /^\d/u.test(version) ? `^${version}` : version]),
  );
}

export interface Manifest {
  readonly devDependencies?: Words;
  readonly peerDependencies?: Words;
}
