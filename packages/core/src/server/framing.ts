import type { IncomingMessage } from "node:http";

/** Fields of a request beyond this are refused with 431. */
const maxFields = 100;

/** Why a request is refused before any layer sees it. */
export interface Refusal {
  readonly status: 400 | 431 | 501;
  readonly reason: string;
}

/**
 * What Node's parser lets through but two readers of a message could understand differently (RFC 9112, 3.2 and 6).
 * The parser itself refuses conflicting lengths, a space before the colon and bare line feeds.
 *
 * @returns Why the request must not be forwarded; `undefined` when nothing speaks against it.
 */
export function refusal(message: IncomingMessage): Refusal | undefined {
  const { rawHeaders } = message;
  if (rawHeaders.length > 2 * maxFields) {
    return { status: 431, reason: `more than ${maxFields} header fields` };
  }
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === 4 && name.toLowerCase() === "host") {
      hosts++;
      if (!validHost.test(rawHeaders[i + 1] as string))
        return { status: 400, reason: "the Host field is malformed" };
    } else if (name.length === 17 && name.toLowerCase() === "transfer-encoding") {
      if (message.httpVersionMinor === 0) return { status: 400, reason: "Transfer-Encoding in HTTP/1.0" };
      if ((rawHeaders[i + 1] as string).toLowerCase() !== "chunked") {
        return { status: 501, reason: "a Transfer-Encoding other than chunked" };
      }
      // Twice chunked would be two codings, one inside the other.
      for (let j = i + 2; j < rawHeaders.length; j += 2) {
        if ((rawHeaders[j] as string).toLowerCase() === "transfer-encoding") {
          return { status: 400, reason: "more than one Transfer-Encoding field" };
        }
      }
    }
  }
  if (hosts > 1) return { status: 400, reason: "more than one Host field" };
  if (hosts === 0 && message.httpVersionMinor > 0) return { status: 400, reason: "no Host field" };
  return undefined;
}

/** `uri-host [ ":" port ]` of RFC 9110, 7.2, empty allowed; every alternative is told by its first character. */
const validHost = /^(?:\[[0-9A-Fa-f:.]+\]|[\w\-.~%!$&'()*+,;=]*)(?::\d*)?$/;

/** Scheme, authority and the rest of a request target in absolute form (RFC 9112, 3.2.2). */
const absoluteForm = /^https?:\/\/([^/?#]+)([^#]*)/i;

/** The parts of a request target; `undefined` when it has none of the forms that a request may have. */
export function parseTarget(
  target: string,
  host: string,
): { readonly authority: string; readonly path: string; readonly query: string } | undefined {
  let authority = host;
  let rest = target;
  if (target.charCodeAt(0) !== 0x2f && target !== "*") {
    const [, absoluteAuthority, absoluteRest] = absoluteForm.exec(target) ?? [];
    if (absoluteAuthority === undefined || absoluteRest === undefined) return undefined;
    if (!validHost.test(absoluteAuthority)) return undefined;
    authority = absoluteAuthority;
    rest = absoluteRest.startsWith("/") ? absoluteRest : `/${absoluteRest}`;
  }
  const question = rest.indexOf("?");
  return question < 0
    ? { authority, path: rest, query: "" }
    : { authority, path: rest.slice(0, question), query: rest.slice(question) };
}
