import { charClasses, targetChar } from "./char-classes.ts";
import { isAuthority, isHostAndPort } from "./authority.ts";

/** The same characters as `targetChar`; faster for a long text. */
const visible = /^[!-~\u0080-\u00ff]+$/;

/** Whether a text can be sent as a request target. */
export function isRequestTarget(text: string): boolean {
  const { length } = text;
  if (length > 16) return visible.test(text);
  for (let i = 0; i < length; i++) {
    if (((charClasses[text.charCodeAt(i)] as number) & targetChar) === 0) return false;
  }
  return length > 0;
}

/** Authority and the rest of a request target in absolute form (RFC 9112, 3.2.2). */
const absoluteForm = /^https?:\/\/([^/?]+)(.*)$/i;

/** The parts of a request target. */
export interface Target {
  readonly authority: string;
  readonly path: string;
  readonly query: string;
}

/**
 * Parses a request target; `undefined` if it has none of the forms allowed for this request. None
 * of them includes a fragment: some parsers would cut it off, others would treat it as a part of
 * the path.
 *
 * @param host The `Host` field.
 */
export function parseTarget(method: string, target: string, host: string): Target | undefined {
  if (target.includes("#")) return undefined;
  if (method === "CONNECT")
    return isHostAndPort(target) ? { authority: target, path: "", query: "" } : undefined;
  if (target.charCodeAt(0) === 0x2f) return split(host, target);
  if (target === "*") return method === "OPTIONS" ? split(host, target) : undefined;
  const [, authority, rest] = absoluteForm.exec(target) ?? [];
  if (authority === undefined || rest === undefined || !isAuthority(authority)) return undefined;
  // RFC 9112, 3.2.4: without a path, OPTIONS in absolute form is about the whole server.
  if (rest === "") return split(authority, method === "OPTIONS" ? "*" : "/");
  return split(authority, rest.startsWith("/") ? rest : `/${rest}`);
}

function split(authority: string, rest: string): Target {
  const question = rest.indexOf("?");
  return question < 0
    ? { authority, path: rest, query: "" }
    : { authority, path: rest.slice(0, question), query: rest.slice(question) };
}
