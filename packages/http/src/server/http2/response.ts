import { rangeError } from "@pagoda/core";
import type { BodyFlow, BodySink } from "../../body.ts";
import { connectionFields } from "../../grammar/connection-fields.ts";
import { readContentLength } from "../../grammar/content-length.ts";
import { isBodiless, isBodilessStatus } from "../../grammar/status.ts";
import { mayTrail } from "../../grammar/trailers.ts";
import type { HttpHeaders, RawHeaders } from "../../headers.ts";
import { errorCode } from "../../http2/error-codes.ts";
import type { HttpResponse } from "../../message.ts";
import { withSingleLines } from "../../single-lines.ts";
import { Held } from "../backlog.ts";
import { checkField } from "../fields.ts";
import type { HttpDate } from "../http-date.ts";
import type { ExchangeStream, ResponseFlow } from "./exchange-stream.ts";

const ofConnections: ReadonlySet<string> = new Set(connectionFields);

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
  if (!stream.isLocalOpen) return body.cancel();
  try {
    const hasNoBody = isBodiless(method, status);
    const whole = body.take();
    const length = whole?.length ?? body.length;
    // RFC 9110, 9.3.2: HEAD gets the length of GET, if known.
    const isTold = !isBodilessStatus(status);
    const fields = head(response, isTold ? length : undefined, hasNoBody, exchange.date);
    exchange.headSent = true;
    if (hasNoBody || whole?.length === 0) {
      body.cancel();
      stream.respond(fields, true);
    } else if (whole !== undefined) {
      stream.respond(fields, false);
      stream.write(whole);
      stream.end();
    } else {
      stream.respond(fields, false);
      const sink = new StreamSink(exchange, body.length, defect);
      exchange.flow = sink;
      sink.flow = body.pipe(sink);
      if (stream.isClosed) sink.closed();
    }
  } catch (cause) {
    body.cancel(cause);
    throw cause;
  }
}

/** @param length Length of the body, if there is one and it is known. */
function head(
  { status, headers: { raw } }: HttpResponse,
  length: number | undefined,
  hasNoBody: boolean,
  date: HttpDate,
): RawHeaders {
  if (!(Number.isInteger(status) && status >= 200 && status <= 999))
    throw rangeError("response: status", "an integer from 200 to 999", status);
  const fields: string[] = [":status", String(status)];
  let announced: string | undefined;
  let hasDate = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    const value = raw[i + 1] as string;
    if (ofConnections.has(name)) continue;
    checkField(name, value);
    if (name === "date") hasDate = true;
    else if (name === "content-length") {
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
  if (!hasDate) fields.push("date", date.value);
  return withSingleLines(fields);
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
  return withSingleLines(fields);
}

/** Sends the body of a response as it arrives. */
class StreamSink implements BodySink, ResponseFlow {
  readonly #exchange: ExchangeStream;
  readonly #held: Held;
  readonly #defect: (cause: unknown) => void;
  /** Bytes still to come, if announced. */
  #left: number;
  flow: BodyFlow | undefined;

  constructor(exchange: ExchangeStream, length: number | undefined, defect: (cause: unknown) => void) {
    this.#exchange = exchange;
    this.#defect = defect;
    this.#left = length ?? Infinity;
    this.#held = new Held(exchange.backlog, length);
  }

  drained(): void {
    this.#held.clear();
    this.flow?.resume();
  }

  closed(): void {
    this.#held.clear();
    // After a complete response, cancelling does nothing.
    this.flow?.cancel(new Error("the client closed the request"));
  }

  write(chunk: Uint8Array): boolean {
    this.#left -= chunk.length;
    const { stream } = this.#exchange;
    if (stream.isClosed) return false;
    if (this.#left >= 0) return this.#held.wrote(chunk.length, stream.write(chunk));
    this.#broken(new RangeError("the body is longer than its Content-Length"));
    return false;
  }

  end(trailers: HttpHeaders): void {
    if (this.#left !== Infinity && this.#left > 0) {
      this.#broken(new RangeError("the body is shorter than its Content-Length"));
      return;
    }
    try {
      const fields = trailers.size === 0 ? undefined : furtherFields(trailers, mayTrail);
      this.#exchange.stream.end(fields);
    } catch (cause) {
      this.#broken(cause);
    }
  }

  /** Sends what has arrived before the break, because a reset would overtake it. */
  fail(): void {
    this.#exchange.stream.breakOff(errorCode.internalError);
  }

  #broken(cause: unknown): void {
    this.#exchange.stream.reset(errorCode.internalError);
    this.#defect(cause);
  }
}
