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

/**
 * The spellings of a package's name in code: `max-length`, `maxLength`, `MaxLength`. What only says
 * that it belongs to Pagoda is left out: `@acme/pagoda-max-length-policy` has the same ones.
 */
export function spellings(packageName: string): Words {
  const name = folderOf(packageName)
    .replace(/^pagoda-(?=[a-z])/u, "")
    .replace(/(?<=.)-(?:layer|policy)$/u, "");
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

/**
 * Ranges of the dependencies that a created package has, by the manifest of the package that creates
 * it. Those of its peers have the prefix `peer/`.
 */
export function versionsOf({ devDependencies, peerDependencies = {} }: Manifest): Words {
  const versions = Object.entries({ ...devDependencies, ...peerDependencies });
  const peers = Object.entries(peerDependencies);
  return Object.fromEntries([
    ...versions.map(([name, version]) => [name, /^\d/u.test(version) ? `^${version}` : version]),
    ...peers.map(([name, version]) => [`peer/${name}`, peerRange(version)]),
  ]);
}

/**
 * Before 1.0 a caret ends at the next minor version, so that each release of core would exclude all
 * published layers. What breaks them changes `contractVersion`.
 */
function peerRange(version: string): string {
  return version.replace(/^\^(0\..+)$/u, ">=$1 <1.0.0");
}

export interface Manifest {
  readonly devDependencies?: Words;
  readonly peerDependencies?: Words;
}
