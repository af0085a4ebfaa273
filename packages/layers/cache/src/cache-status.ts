import { checkOption } from "@pagoda/core";

/** Why a request was forwarded (RFC 9211, 2.2). */
export type Forwarded = "bypass" | "method" | "uri-miss" | "vary-miss" | "request" | "stale";

/** How a request was handled, as `Cache-Status` says it. */
export interface Status {
  /** Answered by a stored response. */
  readonly hit?: boolean;
  readonly fwd?: Forwarded;
  /** Status of the origin's response, if it is not the one returned. */
  readonly fwdStatus?: number | undefined;
  /** Seconds for which the response is still fresh; negative if it is stale. */
  readonly ttl?: number;
  /** The response is being stored. */
  readonly stored?: boolean;
  /** Answered by the call for another request. */
  readonly collapsed?: boolean;
  readonly detail?: "stale-if-error" | "only-if-cached";
}

/** Returns the member of this cache in `Cache-Status` (RFC 9211); `undefined` for none. */
export type StatusText = (status: Status) => string | undefined;

/** @param name Name of this cache, or false for none. */
export function cacheStatus(name: string | false): StatusText {
  if (name === false) return () => undefined;
  const isString = typeof name === "string" && /^[\x20-\x7e]+$/.test(name);
  checkOption("cache: name", name, isString, "visible ASCII characters, or false");
  const member = /^[A-Za-z*][\w!#$%&'*+\-.^`|~:/]*$/.test(name)
    ? name
    : `"${name.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
  return (status) => member + parameters(status);
}

function parameters({ hit, fwd, fwdStatus, ttl, stored, collapsed, detail }: Status): string {
  let text = "";
  if (hit === true) text += "; hit";
  if (fwd !== undefined) text += `; fwd=${fwd}`;
  if (fwdStatus !== undefined) text += `; fwd-status=${fwdStatus}`;
  if (ttl !== undefined) text += `; ttl=${ttl}`;
  if (stored === true) text += "; stored";
  if (collapsed === true) text += "; collapsed";
  if (detail !== undefined) text += `; detail=${detail}`;
  return text;
}
