import { constants } from "node:http2";
import type { BodyFlow, BodySink } from "../../body.ts";
import type { HttpRequest, HttpResponse } from "../../message.ts";
import { checkField } from "../fields.ts";
import { notInAcceptance } from "../not-in-acceptance.ts";
import type { ExchangeStream } from "./exchange-stream.ts";
import { respond, write } from "./response.ts";

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
  const { stream } = exchange;
  const fields: string[] = [":status", upgrade === undefined ? String(status) : "200"];
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    // The HTTP/1.1 proof of the handshake has no meaning here.
    if (notInAcceptance.has(lower) || lower === "sec-websocket-accept") continue;
    checkField(lower, value);
    fields.push(lower, value);
  }
  // With trailers announced, a stream that is cut off does not end cleanly first.
  respond(stream, fields, { waitForTrailers: true });
  stream.once("wantTrailers", () => stream.sendTrailers({}));
  const sink = new TunnelSink(exchange);
  sink.flow = body.pipe(sink);
}

class TunnelSink implements BodySink {
  readonly #exchange: ExchangeStream;
  flow: BodyFlow | undefined;

  constructor(exchange: ExchangeStream) {
    const { stream } = exchange;
    this.#exchange = exchange;
    stream.on("drain", () => this.flow?.resume());
    stream.once("close", () => this.flow?.cancel(new Error("the client closed the request")));
  }

  write(chunk: Uint8Array): boolean {
    return write(chunk, this.#exchange);
  }

  /** Ends this half. The client may continue unless its half is no longer read. */
  end(): void {
    const exchange = this.#exchange;
    exchange.stream.end(() => {
      if (!exchange.isUnheard) return;
      exchange.stream.close(constants.NGHTTP2_NO_ERROR);
      exchange.stream.resume();
    });
  }

  fail(): void {
    this.#exchange.breakOff();
  }
}
