import { readFileSync } from "node:fs";
import { getRawAsset, isSea } from "node:sea";
import { type Coding, negotiate } from "@pagoda/compress";
import { type HttpRequest, httpResponse, type HttpResponse, text } from "@pagoda/http";

/** Where the browser finds the files of the live page. Their names change with their content. */
export const assets = "/assets/";

/** Written by the build of the page: see scripts/page.ts. */
interface Built {
  /** File names in `dist/page`. */
  readonly html: string;
  readonly assets: readonly string[];
}

interface PageFile {
  readonly type: string;
  readonly plain: Uint8Array;
  readonly br: Uint8Array;
  readonly gzip: Uint8Array;
}

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
};

const security = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

const codings: readonly Coding[] = ["br", "gzip"];

/** The files by the path under which browsers ask for them; kept once they have been read. */
let files: ReadonlyMap<string, PageFile> | undefined;

/** `GET /` for a browser: the live page. */
export function livePage(request: HttpRequest): HttpResponse {
  const file = loaded()?.get("/");
  if (file === undefined) {
    const reason =
      "the live page has not been built; `npm start` and `npm run page` in the repository build it";
    return text(`${reason}\n`, 503, { ...security, vary: "accept" });
  }
  // The names in it change with a new version of the program.
  return sent(file, request, { "cache-control": "no-cache", vary: "accept, accept-encoding" });
}

/** A script or style sheet of the live page. */
export function pageAsset(request: HttpRequest): HttpResponse {
  const file = loaded()?.get(request.path);
  if (file === undefined) return text("not found\n", 404, security);
  return sent(file, request, {
    "cache-control": "public, max-age=31536000, immutable",
    vary: "accept-encoding",
  });
}

/** Whether a browser asks for a page to show, rather than a program for text. */
export function wantsHtml({ headers }: HttpRequest): boolean {
  return (headers.get("accept") ?? "").includes("text/html");
}

function sent(file: PageFile, { headers }: HttpRequest, own: Readonly<Record<string, string>>): HttpResponse {
  const coding = negotiate(headers.all("accept-encoding"), codings) as "br" | "gzip" | undefined;
  return httpResponse(200, file[coding ?? "plain"], {
    "content-type": file.type,
    ...(coding && { "content-encoding": coding }),
    ...security,
    ...own,
  });
}

/** Undefined if the page has not been built, which is tried again the next time. */
function loaded(): ReadonlyMap<string, PageFile> | undefined {
  try {
    files ??= read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return files;
}

function read(): ReadonlyMap<string, PageFile> {
  const built = JSON.parse(new TextDecoder().decode(bytes("files.json"))) as Built;
  const file = (name: string): PageFile => ({
    type: types[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream",
    plain: bytes(name),
    br: bytes(`${name}.br`),
    gzip: bytes(`${name}.gz`),
  });
  return new Map([["/", file(built.html)], ...built.assets.map((name) => [`/${name}`, file(name)] as const)]);
}

/** A file of `dist/page`, which is the same folder for the sources and for what is published. */
function bytes(name: string): Uint8Array {
  return isSea()
    ? new Uint8Array(getRawAsset(`page/${name}`))
    : readFileSync(new URL(`../../dist/page/${name}`, import.meta.url));
}
