import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { anchors, readMarkdown } from "./markdown.ts";

const inline = /\]\(\s*<?([^)\s>]+)>?[^)]*\)/gu;
const definition = /^\s*\[[^\]]+\]:\s*<?([^\s>]+)>?/gu;

/** Broken links of a document to files in the repository. External links are not checked. */
export function brokenLinks(base: string, document: string): string[] {
  const { prose } = readMarkdown(readFileSync(document, "utf8"));
  return prose.flatMap((line, index) =>
    targets(line).flatMap((target) => {
      const fault = faultOf(base, document, target);
      return fault === undefined ? [] : [`${relative(base, document)}:${index + 1}: ${target}: ${fault}`];
    }),
  );
}

/** Paths in its own folder that a document links to. */
export function linkedFiles(markdown: string): string[] {
  const paths = readMarkdown(markdown).prose.flatMap((line) => targets(line));
  const files = paths.map((target) => normalize(decodeURIComponent(target).split("#", 1)[0] as string));
  return files.filter((path) => path !== "." && !path.startsWith(".."));
}

function targets(line: string): string[] {
  const all = [...line.matchAll(inline), ...line.matchAll(definition)].flatMap(([, target]) => target ?? []);
  return all.filter((target) => !/^[a-z][a-z0-9+.-]*:/iu.test(target));
}

function faultOf(base: string, document: string, target: string): string | undefined {
  const [path = "", anchor] = decodeURIComponent(target).split("#", 2);
  const file = path === "" ? document : join(dirname(document), path);
  if (!file.startsWith(`${base}/`) && file !== base) return "leads out of the repository";
  if (!existsSync(file)) return "no such file";
  if (anchor === undefined || !file.endsWith(".md") || !statSync(file).isFile()) return undefined;
  return anchors(readFileSync(file, "utf8")).has(anchor) ? undefined : "no such heading";
}
