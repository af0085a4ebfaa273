import type { BodyFlow, BodySink } from "../../body.ts";
import { errorCode } from "../../http2/error-codes.ts";
import type { HttpRequest, HttpResponse } from "../../message.ts";
import { withSingleLines } from "../../single-lines.ts";
import { checkField } from "../fields.ts";
import { notInAcceptance } from "../not-in-acceptance.ts";
import type { ExchangeStream, ResponseFlow } from "./exchange-stream.ts";

/**
 * Opens the tunnel: from here on the stream's bytes are the bodies (RFC 8441, 5, and RFC 9113,
 * 8.5).
 *
 * @throws TypeError for a field that cannot be sent.
 */
export function open(
  { upgrade }: HttpRequest,
  { status, headers, body }: HttpResponse,
  exchange: ExchangeStream,
): void {
  const fields: string[] = [":status", upgrade === undefined ? String(status) : "200"];
  let hasDate = false;
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    // The HTTP/1.1 proof of the handshake has no meaning here.
    if (notInAcceptance.has(lower) || lower === "sec-websocket-accept") continue;
    checkField(lower, value);
    hasDate ||= lower === "date";
    fields.push(lower, value);
  }
  if (!hasDate) fields.push("date", exchange.date.value);
  exchange.headSent = true;
  exchange.stream.respond(withSingleLines(fields), false);
  const sink = new TunnelSink(exchange);
  exchange.flow = sink;
  sink.flow = body.pipe(sink);
  if (exchange.stream.isClosed) sink.closed();
}

class TunnelSink implements BodySink, ResponseFlow {
  readonly #exchange: ExchangeStream;
  flow: BodyFlow | undefined;

  constructor(exchange: ExchangeStream) {
    this.#exchange = exchange;
  }

  drained(): void {
    this.flow?.resume();
  }

  closed(): void {
    this.flow?.cancel(new Error("the client closed the request"));
  }

  write(chunk: Uint8Array): boolean {
    return this.#exchange.stream.write(chunk);
  }

  /** Ends this half. The client may continue unless its half is no longer read. */
  end(): void {
    this.#exchange.stream.end();
  }

  fail(): void {
    this.#exchange.stream.breakOff(errorCode.internalError);
  }
}
