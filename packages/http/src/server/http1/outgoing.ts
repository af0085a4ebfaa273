import type { ServerResponse } from "node:http";
import { rangeError } from "@pagoda/core";
import { isBodiless } from "../../grammar/status.ts";
import type { BodyFlow, BodySink } from "../../body.ts";
import { readContentLength } from "../../grammar/content-length.ts";
import { acceptsTrailers, mayTrail } from "../../grammar/trailers.ts";
import { HttpHeaders, type RawHeaders } from "../../headers.ts";
import type { HttpResponse } from "../../message.ts";
import { type Backlog, Held } from "../backlog.ts";
import { reset } from "../reset.ts";

/**
 * Up to this size a body is sent as one string with the head: one write to the socket instead of a
 * vector.
 */
const oneWriteBytes = 8_192;

/**
 * Sends a response. If the client is gone, the rest is cancelled at its source.
 *
 * @param defect Called for a response that turns out to contradict its head after that was sent.
 * @throws When the response cannot be sent at all.
 */
export function send(
  response: HttpResponse,
  out: ServerResponse,
  backlog: Backlog,
  defect: (cause: unknown) => void,
): void {
  const { body } = response;
  if (out.destroyed || !out.req.socket.writable) return body.cancel();
  try {
    const whole = body.take();
    if (whole === undefined) return stream(response, out, backlog, defect);
    writeHead(response, out, whole.length);
    if (whole.length === 0) out.end();
    else if (whole.length <= oneWriteBytes) out.end(latin1(whole), "latin1");
    else out.end(whole);
  } catch (cause) {
    body.cancel(cause);
    throw cause;
  }
}

/** Breaks a response off so that its client notices: after a clean end it would look complete. */
export function cut(out: ServerResponse): void {
  const { socket } = out;
  // It waits for the responses before it, which must still arrive.
  if (socket === null) out.once("socket", () => cut(out));
  // Without chunks the end of the connection is the end of the body, unless it is reset.
  else if (out.req.httpVersionMinor === 0) reset(socket);
  else out.destroy();
}

/** Decodes bytes as latin1: Node joins the string to the head, which is latin1, too. */
function latin1(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return buffer.toString("latin1");
}

function stream(
  response: HttpResponse,
  out: ServerResponse,
  backlog: Backlog,
  defect: (cause: unknown) => void,
): void {
  writeHead(response, out, response.body.length, takesTrailers(out));
  if (isBodiless(out.req.method ?? "", response.status)) {
    response.body.cancel();
    out.end();
    return;
  }
  // Node counts the bytes written, and throws when they contradict the head.
  out.strictContentLength = true;
  // Sends the head at once, as latin1: `flushHeaders` would write it as UTF-8, every byte above
  // 0x7F as two.
  out.write("", "latin1");
  const sink = new ResponseSink(out, new Held(backlog, response.body.length), defect);
  sink.flow = response.body.pipe(sink);
}

class ResponseSink implements BodySink {
  readonly #out: ServerResponse;
  readonly #held: Held;
  readonly #defect: (cause: unknown) => void;
  flow: BodyFlow | undefined;

  constructor(out: ServerResponse, held: Held, defect: (cause: unknown) => void) {
    this.#out = out;
    this.#held = held;
    this.#defect = defect;
    out.on("drain", () => {
      held.clear();
      this.flow?.resume();
    });
    out.on("close", () => {
      held.clear();
      // After a complete response, cancelling does nothing.
      this.flow?.cancel(new Error("the client closed the request"));
    });
  }

  write(chunk: Uint8Array): boolean {
    try {
      return this.#held.wrote(chunk.length, this.#out.write(chunk));
    } catch (cause) {
      this.#defect(cause);
      return false;
    }
  }

  end(trailers: HttpHeaders): void {
    try {
      // A body of announced length cannot have trailers in HTTP/1.1; in HTTP/2, where they come
      // from, it can.
      if (trailers.size > 0 && this.#out.chunkedEncoding)
        this.#out.addTrailers([...trailers].filter(([name]) => mayTrail(name)) as [string, string][]);
      this.#out.end();
    } catch (cause) {
      this.#defect(cause);
    }
  }

  fail(): void {
    const out = this.#out;
    const { socket } = out;
    // Sends what has arrived before the break. Node holds writes until the next tick, and possibly
    // longer.
    process.nextTick(() => {
      if (socket === null || socket.destroyed || socket.writableLength === 0) cut(out);
      else socket.write("", () => cut(out));
    });
  }
}

function writeHead(
  { status, statusText, headers }: HttpResponse,
  out: ServerResponse,
  length?: number,
  withTrailers = false,
): void {
  if (status < 200) throw rangeError("response: status", "an integer from 200 to 999", status);
  const raw = framed(headers.raw, status, out, length, withTrailers);
  // Node's types do not cover a flat list of names and values.
  if (statusText === undefined) out.writeHead(status, raw as string[]);
  else out.writeHead(status, statusText, raw as string[]);
}

/**
 * Makes the fields delimit the body exactly once. Adds the length if it is known and not announced,
 * so that the connection can be kept. Node decides on chunks, because it knows the client's
 * version.
 *
 * @throws RangeError for a length that is not the body's, a repeated length, or an unsupported
 * coding: the client would read a part of the next response as this one, or wait for data that
 * never comes.
 */
function framed(
  raw: RawHeaders,
  status: number,
  out: ServerResponse,
  length: number | undefined,
  withTrailers: boolean,
): RawHeaders {
  let announced: string | undefined;
  let encoded = false;
  let hasTrailer = false;
  let isKept = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    if (name.length === 14 && name.toLowerCase() === "content-length") {
      if (announced !== undefined || readContentLength(value) === undefined)
        throw rangeError("response: content-length", "a single number", value);
      announced = value;
    } else if (name.length === 17 && name.toLowerCase() === "transfer-encoding") {
      if (value.toLowerCase() !== "chunked")
        throw rangeError("response: transfer-encoding", "chunked", value);
      encoded = true;
    } else if (name.length === 7 && name.toLowerCase() === "trailer") hasTrailer = true;
    else if (name.length === 10 && name.toLowerCase() === "connection")
      isKept ||= value.toLowerCase() === "keep-alive";
  }
  let fields = encoded ? without(raw, "transfer-encoding") : raw;
  // The field is about another connection, or a mistake: the client also decides whether this one
  // is kept (RFC 9112, 9.3).
  if (isKept) fields = without(fields, "connection");
  const { method, httpVersionMinor } = out.req;
  const hasNoBody = isBodiless(method ?? "", status);
  // An HTTP/2 origin may announce both a length and trailers. Clients that accept trailers get
  // them; Envoy and nginx drop them.
  if (hasTrailer && withTrailers && !hasNoBody) return without(fields, "content-length");
  // Trailers are only possible after chunks, and Node refuses to announce them elsewhere.
  if (hasTrailer && (hasNoBody || (announced ?? length) !== undefined || httpVersionMinor === 0))
    fields = without(fields, "trailer");
  // RFC 9110, 8.6: a 204 has no body and must not have a Content-Length.
  if (status === 204) return announced === undefined ? fields : without(fields, "content-length");
  // RFC 9110, 9.3.2: HEAD gets the length of GET, if known.
  if (method === "HEAD" && status !== 304 && announced === undefined && length !== undefined && length > 0)
    return [...fields, "content-length", String(length)];
  if (length === undefined || hasNoBody) return fields;
  if (announced === undefined) return [...fields, "content-length", String(length)];
  if (Number(announced) === length) return fields;
  throw rangeError("response: content-length", `the length of the body, ${length}`, announced);
}

/** Whether the client accepts trailers (RFC 9110, 10.1.4) and chunks. */
function takesTrailers({ req }: ServerResponse): boolean {
  const { te } = req.headers;
  return te !== undefined && req.httpVersionMinor === 1 && acceptsTrailers(String(te));
}

function without(raw: RawHeaders, name: string): RawHeaders {
  return new HttpHeaders(raw).delete(name).raw;
}
