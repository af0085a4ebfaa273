import type { Json } from "@pagoda/core";
import { statusPhrases } from "./status-phrases.ts";

/** What `application/problem+json` says besides status and message (RFC 9457). */
export interface Problem {
  /** URI that identifies the kind of problem, and may lead to its documentation. Default `about:blank`. */
  readonly type?: string;
  /** Short summary, the same for all problems of the type. Default: the phrase of the status. */
  readonly title?: string;
  /** URI of this occurrence. */
  readonly instance?: string;
  /** Further members, such as `balance`. They cannot replace those of the RFC, or `requestId`. */
  readonly extensions?: Readonly<Record<string, Json>>;
}

/** The media type of problems. */
export const problemType = "application/problem+json";

/** Returns the text of a problem: the message as `detail`, and the id of the request. */
export function problemText(
  status: number,
  detail: string,
  requestId: string,
  { type = "about:blank", title = statusPhrases[status], instance, extensions }: Problem = {},
): string {
  const own = { type, title, status, detail, instance, requestId };
  // The second time, so that extensions come last, but replace nothing.
  return `${JSON.stringify({ ...own, ...extensions, ...own })}\n`;
}
