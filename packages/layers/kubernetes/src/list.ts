import { type Either, formatValue, isLeft, left, right } from "@pagoda/core";
import { type Api, type ApiFault, type Limits, parsed, textIn } from "./api.ts";
import { parseSlice, type Slice } from "./slices.ts";

/** The slices of a service, by name. */
export interface Listed {
  readonly slices: Map<string, Slice>;
  /** Where a watch of further changes begins. */
  readonly version: string;
}

/** Slices in a page. Each may have a thousand endpoints, and usually has up to a hundred. */
const perPage = 100;

/**
 * Lists the slices of a service, page by page.
 *
 * @param path Path and query of the slices.
 */
export async function listSlices(api: Api, path: string, limits: Limits): Promise<Either<ApiFault, Listed>> {
  const listed = await listPages(api, path, limits, perPage);
  // The pages show one moment, which the API server does not remember for long.
  const isExpired = isLeft(listed) && listed.left._tag === "ApiRefused" && listed.left.status === 410;
  return isExpired ? listPages(api, path, limits) : listed;
}

/** @param size Slices in a page; by default all are in one. */
async function listPages(
  api: Api,
  path: string,
  limits: Limits,
  size?: number,
): Promise<Either<ApiFault, Listed>> {
  const slices = new Map<string, Slice>();
  let next = "";
  for (;;) {
    const query = `${size === undefined ? "" : `&limit=${size}`}${next && `&continue=${encodeURIComponent(next)}`}`;
    const page = await api.get(path + query, limits, (body) => readPage(api, body));
    if (isLeft(page)) return page;
    for (const slice of page.right.slices) slices.set(slice.name, slice);
    const { version } = page.right;
    next = page.right.next;
    if (next === "") return right({ slices, version });
  }
}

interface Page {
  readonly slices: readonly Slice[];
  readonly version: string;
  /** Token of the next page; empty for the last. */
  readonly next: string;
}

async function readPage(api: Api, body: AsyncIterable<Uint8Array>): Promise<Either<ApiFault, Page>> {
  const text = await textIn(body);
  if (text === undefined) return left(api.invalid("a page of a list must be shorter"));
  const { metadata, items } = Object(parsed(text)) as {
    readonly metadata?: unknown;
    readonly items?: unknown;
  };
  const { resourceVersion: version, continue: next = "" } = Object(metadata) as Readonly<
    Record<string, unknown>
  >;
  if (typeof version !== "string" || version === "" || typeof next !== "string" || !Array.isArray(items))
    return left(api.invalid(`the answer must be a list with a resourceVersion (got ${formatValue(text)})`));
  const slices = items.map(parseSlice);
  const problem = slices.find((slice) => typeof slice === "string");
  if (problem !== undefined) return left(api.invalid(problem));
  return right({ slices: slices.filter((slice) => typeof slice !== "string"), version, next });
}
