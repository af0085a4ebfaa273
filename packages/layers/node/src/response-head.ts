import { rangeError } from "@pagoda/core";
import type { HttpRequest, HttpResponse, RawHeaders } from "@pagoda/http";
import {
  acceptsTrailers,
  isBodiless,
  isFieldValue,
  isToken,
  lists,
  readContentLength,
} from "@pagoda/http/grammar";

/** The head of a response as `writeHead` takes it. */
export interface ResponseHead {
  /** Alternating names and values. */
  readonly fields: string[];
  readonly hasBody: boolean;
  /** The announced length of the body. */
  readonly length: number | undefined;
}

/**
 * Composes the head of a response, whose fields delimit the body exactly once (RFC 9112, 6).
 *
 * @param known Length of the body, if known.
 * @param isWhole The whole body has arrived, so there are no trailers.
 * @throws RangeError for a status that is not final, a length that is not the body's, a repeated
 * length, or an unsupported coding.
 * @throws TypeError for a field or a reason phrase that cannot be sent.
 */
export function composeHead(
  { status, statusText, headers }: HttpResponse,
  { method, version, headers: asked }: HttpRequest,
  known: number | undefined,
  isWhole: boolean,
): ResponseHead {
  if (!(Number.isInteger(status) && status >= 200 && status <= 999))
    throw rangeError("response: status", "an integer from 200 to 999", status);
  if (statusText !== undefined && !isFieldValue(statusText))
    throw new TypeError("response reason phrase contains an invalid character");
  const raw = checkedFields(headers.raw);
  const fields: string[] = [];
  let announced: string | undefined;
  const trailers: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    switch (name.toLowerCase()) {
      // The field is about another connection, or a mistake; Node decides whether this one is kept.
      case "connection":
        if (!lists(value, "close")) continue;
        fields.push("Connection", "close");
        continue;
      case "content-length":
        if (announced !== undefined || readContentLength(value) === undefined)
          throw rangeError("response: content-length", "a single number", value);
        announced = value;
        continue;
      case "transfer-encoding":
        if (value.toLowerCase() !== "chunked")
          throw rangeError("response: transfer-encoding", "chunked", value);
        continue;
      case "trailer":
        trailers.push(name, value);
        continue;
    }
    fields.push(name, value);
  }
  if (isBodiless(method, status)) {
    const length = announced ?? (method === "HEAD" && status !== 304 && known !== 0 ? known : undefined);
    // RFC 9110, 8.6: a 204 must not have a Content-Length.
    if (length !== undefined && status !== 204) fields.push("Content-Length", `${length}`);
    return { fields, hasBody: false, length: undefined };
  }
  if (announced !== undefined && known !== undefined && Number(announced) !== known)
    throw rangeError("response: content-length", `the length of the body, ${known}`, announced);
  const length = announced === undefined ? known : Number(announced);
  // An HTTP/2 origin may announce both a length and trailers; clients that accept trailers get them.
  const sendsTrailers =
    trailers.length > 0 && !isWhole && version !== "1.0" && asked.all("te").some(acceptsTrailers);
  if (length !== undefined && !sendsTrailers) {
    fields.push("Content-Length", `${length}`);
    return { fields, hasBody: true, length };
  }
  // Trailers are only possible after chunks. Without them, the end of the connection ends the body.
  if (version !== "1.0") fields.push(...trailers, "Transfer-Encoding", "chunked");
  return { fields, hasBody: true, length: undefined };
}

/**
 * Checks fields that are about to be sent.
 *
 * @throws TypeError for a field that the other side would read differently.
 */
export function checkedFields(raw: RawHeaders): RawHeaders {
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (!isToken(name)) throw new TypeError(`response field name ${JSON.stringify(name)} is invalid`);
    if (!isFieldValue(raw[i + 1] as string))
      throw new TypeError(`response field ${name} contains an invalid character`);
  }
  return raw;
}
