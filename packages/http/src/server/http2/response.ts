import { rangeError } from "@pagoda/core";
import {
  constants,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
  type ServerStreamResponseOptions,
} from "node:http2";
import { isBodiless, isBodilessStatus } from "../../grammar/status.ts";
import type { BodyFlow, BodySink } from "../../body.ts";
import { readContentLength } from "../../grammar/content-length.ts";
import { mayTrail } from "../../grammar/trailers.ts";
import { HttpHeaders, type RawHeaders } from "../../headers.ts";
import type { HttpResponse } from "../../message.ts";
import { asObject, withSingleLines } from "../../single-lines.ts";
import { Held } from "../backlog.ts";
import { checkField } from "../fields.ts";
import type { ExchangeStream } from "./exchange-stream.ts";

const pieceBytes = 65_536;

const { NGHTTP2_INTERNAL_ERROR } = constants;

/** Connection fields of HTTP/1.1 (RFC 9113, 8.2.2), and fields of requests only. */
const ofConnections: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Sends a response. If the client is gone, the rest is cancelled at its source.
 *
 * @param defect Called for a response that turns out to contradict its head after that was sent.
 * @throws When the response cannot be sent at all.
 */
export function send(
  response: HttpResponse,
  exchange: ExchangeStream,
  method: string,
  defect: (cause: unknown) => void,
): void {
  const { stream } = exchange;
  const { body, status } = response;
  if (stream.destroyed || stream.closed) return body.cancel();
  try {
    const hasNoBody = isBodiless(method, status);
    const whole = body.take();
    const length = whole?.length ?? body.length;
    // RFC 9110, 9.3.2: HEAD gets the length of GET, if known.
    const isTold = !isBodilessStatus(status);
    const fields = head(response, isTold ? length : undefined, hasNoBody);
    if (hasNoBody || whole?.length === 0) {
      body.cancel();
      respond(stream, fields, { endStream: true });
      endAfter(exchange);
    } else if (whole !== undefined) {
      respond(stream, fields);
      endAfter(exchange);
      write(whole, exchange);
      stream.end();
    } else {
      respond(stream, fields, { waitForTrailers: true });
      const sink = new StreamSink(exchange, body.length, defect);
      sink.flow = body.pipe(sink);
    }
  } catch (cause) {
    body.cancel(cause);
    throw cause;
  }
}

/** @param fields Alternating names and values, which Node accepts instead of an object. */
export function respond(
  stream: ServerHttp2Stream,
  fields: RawHeaders,
  options?: ServerStreamResponseOptions,
): void {
  withSingleLines(fields, (lines) => stream.respond(lines as unknown as OutgoingHttpHeaders, options));
}

/** Breaks a response off so that its client notices. */
export function cut(stream: ServerHttp2Stream): void {
  stream.close(NGHTTP2_INTERNAL_ERROR);
}

/**
 * Writes in parts: a single write completes only with its last byte, and progress would be
 * invisible.
 */
export function write(bytes: Uint8Array, { stream, tick }: ExchangeStream): boolean {
  let goOn = true;
  for (let from = 0; from < bytes.length; from += pieceBytes)
    goOn = stream.write(bytes.subarray(from, from + pieceBytes), tick);
  return goOn;
}

function endAfter(exchange: ExchangeStream): void {
  exchange.stream.once("finish", exchange.linger);
}

/** @param length Length of the body, if there is one and it is known. */
function head(
  { status, headers: { raw } }: HttpResponse,
  length: number | undefined,
  hasNoBody: boolean,
): RawHeaders {
  if (!(Number.isInteger(status) && status >= 200 && status <= 999))
    throw rangeError("response: status", "an integer from 200 to 999", status);
  const fields: string[] = [":status", String(status)];
  let announced: string | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    const value = raw[i + 1] as string;
    if (ofConnections.has(name)) continue;
    checkField(name, value);
    if (name === "content-length") {
      if (announced !== undefined || readContentLength(value) === undefined)
        throw rangeError("response: content-length", "a single number", value);
      if (!hasNoBody && length !== undefined && Number(value) !== length)
        throw rangeError("response: content-length", `the length of the body, ${length}`, value);
      announced = value;
      // RFC 9110, 8.6: a 204 has no body and must not have a Content-Length.
      if (status === 204) continue;
    }
    fields.push(name, value);
  }
  // The head of an empty response already ends the stream.
  if (announced === undefined && length !== undefined && length > 0)
    fields.push("content-length", String(length));
  return fields;
}

/** @throws TypeError for a field that cannot be sent. */
export function furtherFields(headers: HttpHeaders, isWanted?: (name: string) => boolean): RawHeaders {
  const fields: string[] = [];
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    if (ofConnections.has(lower) || lower === "content-length" || isWanted?.(lower) === false) continue;
    checkField(lower, value);
    fields.push(lower, value);
  }
  return fields;
}

class StreamSink implements BodySink {
  readonly #exchange: ExchangeStream;
  readonly #held: Held;
  readonly #defect: (cause: unknown) => void;
  /** Bytes still to come, if announced. */
  #left: number;
  #trailers: HttpHeaders = HttpHeaders.empty;
  flow: BodyFlow | undefined;

  constructor(exchange: ExchangeStream, length: number | undefined, defect: (cause: unknown) => void) {
    const { stream } = exchange;
    this.#exchange = exchange;
    this.#defect = defect;
    this.#left = length ?? Infinity;
    const held = new Held(exchange.backlog, length);
    this.#held = held;
    stream.on("drain", () => {
      held.clear();
      this.flow?.resume();
    });
    stream.once("wantTrailers", () => this.#sendTrailers());
    stream.once("close", () => {
      held.clear();
      // After a complete response, cancelling does nothing.
      this.flow?.cancel(new Error("the client closed the request"));
    });
  }

  write(chunk: Uint8Array): boolean {
    this.#left -= chunk.length;
    if (this.#left >= 0) return this.#held.wrote(chunk.length, write(chunk, this.#exchange));
    this.#broken(new RangeError("the body is longer than its Content-Length"));
    return false;
  }

  end(trailers: HttpHeaders): void {
    if (this.#left !== Infinity && this.#left > 0) {
      this.#broken(new RangeError("the body is shorter than its Content-Length"));
      return;
    }
    this.#trailers = trailers;
    this.#exchange.stream.end();
  }

  fail(): void {
    const exchange = this.#exchange;
    const { stream } = exchange;
    // Sends what has arrived before the break, because a reset would overtake it.
    if (stream.writableLength === 0 || stream.destroyed) exchange.breakOff();
    else stream.write("", () => exchange.breakOff());
  }

  #sendTrailers(): void {
    const stream = this.#exchange.stream;
    try {
      withSingleLines(furtherFields(this.#trailers, mayTrail), (lines) =>
        stream.sendTrailers(asObject(lines)),
      );
    } catch (cause) {
      this.#broken(cause);
      return;
    }
    this.#exchange.linger();
  }

  #broken(cause: unknown): void {
    cut(this.#exchange.stream);
    this.#defect(cause);
  }
}
