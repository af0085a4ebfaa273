import { STATUS_CODES } from "node:http";
import { rangeError } from "@pagoda/core";
import { HeadBuffer } from "../../grammar/head-buffer.ts";
import { isNamed } from "../../grammar/ignore-case.ts";
import { lists } from "../../grammar/list.ts";
import { readContentLength } from "../../grammar/content-length.ts";
import { acceptsTrailers } from "../../grammar/trailers.ts";
import { isBodiless } from "../../grammar/status.ts";
import type { HttpResponse } from "../../message.ts";
import { checkField, checkReason, unsendable } from "../fields.ts";
import type { HttpDate } from "../http-date.ts";
import type { RequestHead } from "./request-head.ts";

/** How the body of a response is delimited. */
export type ResponseFraming = "none" | "length" | "chunked" | "close";

/** The head of a response, without its last fields, which depend on the connection. */
export interface ResponseHead {
  /** As latin1. */
  readonly text: string;
  readonly framing: ResponseFraming;
  /** The announced length of the body. */
  readonly length: number | undefined;
  /** The response itself ends the connection. */
  readonly closes: boolean;
}

/** Shared by all responses: a head is composed at once. */
const composed = new HeadBuffer();

/**
 * Composes the head of a response, whose fields delimit the body exactly once (RFC 9112, 6).
 *
 * @param length Length of the body, if known.
 * @param isWhole The whole body is sent with the head, so there are no trailers.
 * @throws RangeError for a length that is not the body's, a repeated length, or an unsupported
 * coding: the client would read a part of the next response as this one, or wait for data that
 * never comes.
 * @throws TypeError for a field or a reason phrase that cannot be sent.
 */
export function composeHead(
  { status, statusText, headers: { raw } }: HttpResponse,
  { method, minor, te }: Pick<RequestHead, "method" | "minor" | "te">,
  length: number | undefined,
  isWhole: boolean,
  date: HttpDate,
): ResponseHead {
  if (!(Number.isInteger(status) && status >= 200 && status <= 999))
    throw rangeError("response: status", "an integer from 200 to 999", status);
  if (statusText !== undefined) checkReason(statusText);
  composed.start(`HTTP/1.1 ${status} ${statusText ?? STATUS_CODES[status] ?? ""}\r\n`);
  let announced: string | undefined;
  let lengthLine = "";
  let trailer = "";
  let closes = false;
  let hasDate = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    // Most fields are passed on after a look at the length of their names.
    switch (name.length) {
      case 4:
        hasDate ||= isNamed(name, "date");
        break;
      case 7:
        if (!isNamed(name, "trailer")) break;
        checkField(name, value);
        trailer += `${name}: ${value}\r\n`;
        continue;
      case 10:
        // The field is about another connection, or a mistake: the client also decides whether this
        // one is kept (RFC 9112, 9.3).
        if (!isNamed(name, "connection")) break;
        checkField(name, value);
        closes ||= lists(value, "close");
        continue;
      case 14:
        if (!isNamed(name, "content-length")) break;
        if (announced !== undefined || readContentLength(value) === undefined)
          throw rangeError("response: content-length", "a single number", value);
        announced = value;
        lengthLine = `${name}: ${value}\r\n`;
        continue;
      case 17:
        if (!isNamed(name, "transfer-encoding")) break;
        if (!isNamed(value, "chunked")) throw rangeError("response: transfer-encoding", "chunked", value);
        continue;
    }
    const fault = composed.field(name, value);
    if (fault !== undefined) throw unsendable(name, fault);
  }
  const hasNoBody = isBodiless(method, status);
  if (!hasNoBody && announced !== undefined && length !== undefined && Number(announced) !== length)
    throw rangeError("response: content-length", `the length of the body, ${length}`, announced);
  let framing: ResponseFraming = "none";
  // An HTTP/2 origin may announce both a length and trailers. Clients that accept trailers get
  // them; Envoy and nginx drop them.
  const sendsTrailers =
    trailer !== "" && !isWhole && !hasNoBody && minor > 0 && te !== undefined && acceptsTrailers(te);
  if (announced === undefined && length !== undefined) lengthLine = `content-length: ${length}\r\n`;
  if (hasNoBody) {
    // RFC 9110, 8.6: a 204 has no body and must not have a Content-Length; 9.3.2: HEAD gets the
    // length of GET, if known.
    const isTold = announced !== undefined || (method === "HEAD" && status !== 304 && length !== 0);
    if (isTold && status !== 204) composed.add(lengthLine);
  } else if (lengthLine !== "" && !sendsTrailers) {
    framing = "length";
    composed.add(lengthLine);
  } else if (minor === 0) {
    framing = "close";
    closes = true;
  } else {
    framing = "chunked";
    // Trailers are only possible after chunks.
    composed.add(trailer);
  }
  if (!hasDate) composed.add(date.line);
  return {
    text: composed.toString(),
    framing,
    length: framing === "length" ? Number(announced ?? length) : undefined,
    closes,
  };
}
