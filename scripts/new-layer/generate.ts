import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const template = fileURLToPath(new URL("template", import.meta.url));

/** The first line of a generated README, and the description in package.json. */
const abouts = {
  generic: "Limits the number of calls in flight.",
  http: "Refuses requests whose body is larger than a limit.",
} as const;

/** A generic layer depends on core, one about HTTP on http as well. */
export type LayerKind = keyof typeof abouts;

/** What is wrong with a layer's name, if anything. */
export function nameProblem(name: string): string | undefined {
  if (/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/u.test(name)) return undefined;
  return `name must be lower-case words joined by "-", such as max-length (got "${name}")`;
}

/** Writes a layer package: the files of the template, with the name in its three spellings. */
export function generate(directory: string, name: string, kind: LayerKind = "generic"): void {
  const camel = name.replaceAll(/-(.)/gu, (_, letter: string) => letter.toUpperCase());
  const pascal = camel.replace(/^./u, (letter) => letter.toUpperCase());
  const words = { name, camel, Pascal: pascal, about: abouts[kind] };
  const fill = (text: string): string =>
    text.replaceAll(/__(name|camel|Pascal|about)__/gu, (_, word: keyof typeof words) => words[word]);

  for (const folder of ["shared", kind].map((one) => join(template, one))) {
    for (const file of globSync("**/*.txt", { cwd: folder })) {
      const target = join(directory, fill(file.slice(0, -".txt".length)));
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, fill(readFileSync(join(folder, file), "utf8")));
    }
  }
  if (kind === "http") dependOnHttp(directory);
}

function dependOnHttp(directory: string): void {
  const name = "@pagoda/http";
  change(join(directory, "package.json"), (manifest) => ({
    ...manifest,
    devDependencies: sorted({ ...manifest["devDependencies"], [name]: "workspace:*" }),
    peerDependencies: sorted({ ...manifest["peerDependencies"], [name]: "workspace:^" }),
  }));
  change(join(directory, "tsconfig.json"), (config) => ({
    ...config,
    references: [...(config["references"] as unknown as object[]), { path: "../../http" }],
  }));
}

type Json = Readonly<Record<string, object>>;

function change(file: string, changed: (content: Json) => Json): void {
  writeFileSync(
    file,
    `${JSON.stringify(changed(JSON.parse(readFileSync(file, "utf8")) as Json), null, 2)}\n`,
  );
}

function sorted(names: object): object {
  return Object.fromEntries(Object.entries(names).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
