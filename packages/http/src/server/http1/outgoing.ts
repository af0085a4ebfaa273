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

/** Up to here a body goes out as one string with the head: one write to the socket instead of a vector. */
const oneWriteBytes = 8_192;

/**
 * Sends a response. What the client does not take (it has gone) is cancelled at its source.
 *
 * @param defect Told of a response that turns out not to be what its head says, once it is under way.
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

/** Breaks a response off so that its client notices: a clean end would make it a complete short one. */
export function cut(out: ServerResponse): void {
  const { socket } = out;
  // It waits for the responses before it, which are to arrive.
  if (socket === null) out.once("socket", () => cut(out));
  // Without chunks the end of the connection is the end of the body, unless it is reset.
  else if (out.req.httpVersionMinor === 0) reset(socket);
  else out.destroy();
}

/** Every byte as the character of its number: Node joins it to the head, which is a latin1 string too. */
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
  // Node counts what is written, and throws when it is not what the head says.
  out.strictContentLength = true;
  // Sends the head at once, as latin1: `flushHeaders` would write it as UTF-8, every byte above 0x7F as two.
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
      // After a complete response there is nothing left to cancel, and cancelling does nothing.
      this.flow?.cancel(new Error("the client has gone"));
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
      // Behind a body of announced length there is no place for them: HTTP/2, where they come from, has one.
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
    // What has come goes out before the break. Node holds what is written until the next tick, and may hold it for longer.
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
  // Node's types know arrays of header values only for `number | string`; a flat list of strings is one.
  if (statusText === undefined) out.writeHead(status, raw as string[]);
  else out.writeHead(status, statusText, raw as string[]);
}

/**
 * Makes the fields delimit the body exactly once: the length is added where it is known and the response does not say
 * it, so that a connection can be kept; whether it goes in chunks is for Node to say, which knows the client's version.
 *
 * @throws RangeError for a length that is not the body's, one said twice, or a coding that is not done here: the client
 * would take a part of the next response for this one, or wait for what does not come.
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
        throw rangeError("response: content-length", "one number", value);
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
  // Said of another connection, or by a mistake: whether this one is kept its client has a say in (RFC 9112, 9.3).
  if (isKept) fields = without(fields, "connection");
  const { method, httpVersionMinor } = out.req;
  const hasNoBody = isBodiless(method ?? "", status);
  // An HTTP/2 origin may announce a length and trailers. Who asks for them gets them; Envoy and nginx drop them.
  if (hasTrailer && withTrailers && !hasNoBody) return without(fields, "content-length");
  // Only behind chunks is there a place for trailers, and Node refuses to announce them elsewhere.
  if (hasTrailer && (hasNoBody || (announced ?? length) !== undefined || httpVersionMinor === 0))
    fields = without(fields, "trailer");
  // RFC 9110, 8.6: it has no body, and must not say how long that is.
  if (status === 204) return announced === undefined ? fields : without(fields, "content-length");
  // RFC 9110, 9.3.2: HEAD is told what GET would be, where that is known.
  if (method === "HEAD" && status !== 304 && announced === undefined && length !== undefined && length > 0)
    return [...fields, "content-length", String(length)];
  if (length === undefined || hasNoBody) return fields;
  if (announced === undefined) return [...fields, "content-length", String(length)];
  if (Number(announced) === length) return fields;
  throw rangeError("response: content-length", `the length of the body, ${length}`, announced);
}

/** Whether the client says that it wants trailers (RFC 9110, 10.1.4), and can be sent chunks. */
function takesTrailers({ req }: ServerResponse): boolean {
  const { te } = req.headers;
  return te !== undefined && req.httpVersionMinor === 1 && acceptsTrailers(String(te));
}

function without(raw: RawHeaders, name: string): RawHeaders {
  return new HttpHeaders(raw).delete(name).raw;
}
