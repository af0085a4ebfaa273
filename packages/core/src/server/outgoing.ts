import type { ServerResponse } from "node:http";
import type { BodyFlow, BodySink } from "../http/body.ts";
import type { HttpHeaders, RawHeaders } from "../http/headers.ts";
import type { HttpResponse } from "../http/message.ts";

/** Up to here a body goes out as one string with the head: one write to the socket instead of a vector. */
const oneWriteBytes = 8_192;

/** Sends a response. What the client does not take (it has gone) is cancelled at its source. */
export function send(response: HttpResponse, out: ServerResponse): void {
  const { body } = response;
  if (out.destroyed) return body.cancel();
  const whole = body.take();
  if (whole === undefined) return stream(response, out);
  writeHead(response, out, whole.length);
  if (whole.length === 0) out.end();
  else if (whole.length <= oneWriteBytes) out.end(latin1(whole), "latin1");
  else out.end(whole);
}

/** Every byte as the character of its number: Node joins it to the head, which is a latin1 string too. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

function stream(response: HttpResponse, out: ServerResponse): void {
  writeHead(response, out, response.body.length);
  if (out.req.method === "HEAD" || response.status === 204 || response.status === 304) {
    response.body.cancel();
    out.end();
    return;
  }
  out.flushHeaders();
  const sink = new ResponseSink(out);
  sink.flow = response.body.pipe(sink);
}

class ResponseSink implements BodySink {
  readonly #out: ServerResponse;
  flow: BodyFlow | undefined;

  constructor(out: ServerResponse) {
    this.#out = out;
    out.on("drain", () => this.flow?.resume());
    // After a complete response there is nothing left to cancel, and cancelling does nothing.
    out.on("close", () => this.flow?.cancel(new Error("the client has gone")));
  }

  write(chunk: Uint8Array): boolean {
    return this.#out.write(chunk);
  }

  end(trailers: HttpHeaders): void {
    if (trailers.size > 0) this.#out.addTrailers([...trailers] as [string, string][]);
    this.#out.end();
  }

  fail(): void {
    // A clean end would turn half a response into a complete short one.
    this.#out.destroy();
  }
}

function writeHead(
  { status, statusText, headers }: HttpResponse,
  out: ServerResponse,
  length?: number,
): void {
  const raw = framed(headers.raw, status, out, length);
  // Node's types know arrays of header values only for `number | string`; a flat list of strings is one.
  if (statusText === undefined) out.writeHead(status, raw as string[]);
  else out.writeHead(status, statusText, raw as string[]);
}

/** Adds the length where it is known and the response does not say it, so that a connection can be kept. */
function framed(
  raw: RawHeaders,
  status: number,
  out: ServerResponse,
  length: number | undefined,
): RawHeaders {
  if (length === undefined || status === 204 || status === 304 || out.req.method === "HEAD") return raw;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (name.length === 14 ? name.toLowerCase() === "content-length" : name.length === 17 && isEncoding(name))
      return raw;
  }
  return [...raw, "content-length", String(length)];
}

function isEncoding(name: string): boolean {
  return name.toLowerCase() === "transfer-encoding";
}
