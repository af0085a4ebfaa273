// Generates docs/api: the guides, and the API reference from the doc comments.
import { join, relative } from "node:path";
import {
  Application,
  Comment,
  type CommentDisplayPart,
  Converter,
  LogLevel,
  type NormalizedPath,
  OptionDefaults,
  type ProjectReflection,
  Reflection,
} from "typedoc";
import { type Package, publishable, root } from "../scripts/workspace.ts";

const repository = "https://github.com/pagoda-ts/pagoda";

/** @returns False if TypeDoc warns, for example of a broken link or a type that is not exported. */
export async function makeReference(base: string, all: readonly Package[], out: string): Promise<boolean> {
  const entries = all.flatMap(entriesOf);
  const app = await Application.bootstrap({
    name: "Pagoda",
    out,
    entryPoints: entries.map(({ file }) => file),
    tsconfig: join(base, "docs/tsconfig.json"),
    // `npm test` checks the types.
    skipErrorChecking: true,
    readme: join(base, "docs/README.md"),
    projectDocuments: [join(base, "docs/guides/*.md"), join(base, "GLOSSARY.md")],
    packagesRequiringDocumentation: all.map(({ name }) => name),
    logLevel: LogLevel.Warn,
    disableGit: true,
    basePath: base,
    sourceLinkTemplate: `${repository}/blob/main/{path}#L{line}`,
    navigationLinks: { GitHub: repository },
    // Of protobuf's generated code, which types of a testing kit name.
    blockTags: [...OptionDefaults.blockTags, "@generated"],
    highlightLanguages: ["typescript", "javascript", "diff", "yaml", "bash", "json"],
  });
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    rename(project, entries);
    linkToRepository(project, base);
  });
  const project = await app.convert();
  if (project === undefined) return false;
  app.validate(project);
  await app.generateOutputs(project);
  return !app.logger.hasErrors() && !app.logger.hasWarnings();
}

interface Entry {
  /** Entry points. */
  readonly name: string;
  readonly file: string;
  /** The package, if this is its main entry. */
  readonly main: Package | undefined;
}

function entriesOf(one: Package): Entry[] {
  return Object.entries(one.manifest.exports ?? {}).map(([path, file]) => ({
    name: one.name + path.slice(1),
    file: join(one.directory, String(file)),
    main: path === "." ? one : undefined,
  }));
}

/** TypeDoc names modules and documents after files; readers know import paths and titles. */
function rename(
  { children = [], documents = [], files }: ProjectReflection,
  entries: readonly Entry[],
): void {
  for (const document of documents)
    document.name = /^\s*# (.*)$/mu.exec(document.content[0]?.text ?? "")?.[1] ?? document.name;
  for (const module of children) {
    const entry = entries.find(({ file }) =>
      module.sources?.some(({ fullFileName }) => fullFileName === file),
    );
    if (entry === undefined) continue;
    module.name = entry.name;
    const { main } = entry;
    if (main === undefined) continue;
    module.comment ??= new Comment([{ kind: "text", text: main.manifest.description ?? "" }]);
    // Links between guides lead to pages of the reference.
    for (const path of [main.directory, join(main.directory, "README.md")])
      files.registerReflectionPath(path as NormalizedPath, module);
  }
}

/** Links to files that have no page here lead to the repository. */
function linkToRepository(project: ProjectReflection, base: string): void {
  const { documents = [], files, readme = [] } = project;
  const linked = (part: CommentDisplayPart): CommentDisplayPart => {
    if (part.kind !== "relative-link" || part.target === undefined) return part;
    const path = files.resolvePath(part.target);
    if (path === undefined || files.resolve(part.target, project) instanceof Reflection) return part;
    const anchor = part.targetAnchor === undefined ? "" : `#${part.targetAnchor}`;
    return { kind: "text", text: `${repository}/blob/main/${relative(base, path)}${anchor}` };
  };
  project.readme = readme.map(linked);
  for (const document of documents) document.content = document.content.map(linked);
}

if (import.meta.main) {
  const made = await makeReference(root, publishable(), join(root, "docs/api"));
  if (made) console.log("docs/api/index.html");
  process.exitCode = made ? 0 : 1;
}
