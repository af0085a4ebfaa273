import * as modules from "node:module";

/** The local files that each module imports, of modules loaded since recording began. */
const children = new Map<string, Set<string>>();
let isRecording = false;

/**
 * Records from now on which local files modules import. Modules of packages do not count: they do not
 * change where they are. Before Node 22.15, which cannot tell, nothing is recorded.
 */
export function recordImports(): void {
  // Its types do not know older versions.
  if (isRecording || (modules.registerHooks as unknown) === undefined) return;
  isRecording = true;
  modules.registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context);
      const { parentURL } = context;
      if (parentURL !== undefined && isLocal(resolved.url)) {
        const parent = withoutQuery(parentURL);
        const its = children.get(parent) ?? new Set();
        children.set(parent, its.add(withoutQuery(resolved.url)));
      }
      return resolved;
    },
  });
}

/** The local files that a module imports, directly or not. */
export function importsOf(url: string): readonly string[] {
  const all = new Set([url]);
  for (const each of all) for (const child of children.get(each) ?? []) all.add(child);
  all.delete(url);
  return [...all].toSorted();
}

function isLocal(url: string): boolean {
  return url.startsWith("file:") && !url.includes("/node_modules/");
}

function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/, "");
}
