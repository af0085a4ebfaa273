export interface Fence {
  /** The info string: `ts`, `ts types-only`. */
  readonly info: string;
  /** Line number of the first line of code, from 1. */
  readonly line: number;
  readonly code: string;
}

export interface Markdown {
  readonly fences: readonly Fence[];
  /** The text with fenced and inline code blanked out, keeping its lines. */
  readonly prose: readonly string[];
}

const opening = /^\s*(?<marks>`{3,}|~{3,})(?<info>[^`]*)$/u;

export function readMarkdown(text: string): Markdown {
  const fences: Fence[] = [];
  const prose: string[] = [];
  let open: { marks: string; info: string; line: number; code: string[] } | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    const start = opening.exec(line)?.groups;
    const closes =
      open !== undefined && new RegExp(`^\\s*${open.marks}${open.marks[0]}*\\s*$`, "u").test(line);
    prose.push(open === undefined && start === undefined ? line.replaceAll(/`+[^`]*`+/gu, "") : "");
    if (open !== undefined && closes) {
      fences.push({ info: open.info, line: open.line, code: open.code.join("\n") });
      open = undefined;
    } else if (open !== undefined) open.code.push(line);
    else if (start !== undefined) {
      open = { marks: start["marks"] ?? "", info: start["info"]?.trim() ?? "", line: index + 2, code: [] };
    }
  }
  return { fences, prose };
}

/** GitHub's anchors of a document's headings. */
export function anchors(text: string): Set<string> {
  const taken = new Map<string, number>();
  const headings = readMarkdown(text).prose.flatMap((line, index) =>
    // The original line, because inline code is part of a heading's anchor.
    /^#{1,6}\s/u.test(line) ? [(text.split("\n")[index] ?? "").replace(/^#+\s+/u, "")] : [],
  );
  return new Set(
    headings.map((heading) => {
      const slug = slugOf(heading);
      const before = taken.get(slug) ?? 0;
      taken.set(slug, before + 1);
      return before === 0 ? slug : `${slug}-${before}`;
    }),
  );
}

function slugOf(heading: string): string {
  const visible = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/gu, "$1");
  return visible
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(/\s/gu, "-");
}
