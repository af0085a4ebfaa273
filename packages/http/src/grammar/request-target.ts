import { isAuthority, isHostAndPort } from "./authority.ts";

/** What can stand between the two spaces of a request line. */
const visible = /^[!-~\u0080-\u00ff]+$/;

/** Whether a text can be sent as the target of a request. */
export function isRequestTarget(text: string): boolean {
  return visible.test(text);
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
 * Reads a request target; `undefined` when it has none of the forms that this request may have. A fragment belongs
 * to none of them: some readers would cut it off, others take it for a part of the path.
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
  // RFC 9112, 3.2.4: a client that asks a proxy about the whole server says so by leaving out the path.
  if (rest === "") return split(authority, method === "OPTIONS" ? "*" : "/");
  return split(authority, rest.startsWith("/") ? rest : `/${rest}`);
}

function split(authority: string, rest: string): Target {
  const question = rest.indexOf("?");
  return question < 0
    ? { authority, path: rest, query: "" }
    : { authority, path: rest.slice(0, question), query: rest.slice(question) };
}
