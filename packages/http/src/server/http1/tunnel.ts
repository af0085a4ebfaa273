import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Body, BodyFlow, BodySink } from "../../body.ts";
import type { HttpHeaders } from "../../headers.ts";
import type { HttpRequest, HttpResponse } from "../../message.ts";
import { isWebSocket, protocolsOf } from "../../upgrades.ts";
import { websocketAccept } from "../../websocket.ts";
import { checkReason } from "../fields.ts";
import { notInAcceptance } from "../not-in-acceptance.ts";
import { reset } from "../reset.ts";
import { fieldLines } from "./field-lines.ts";

/** Sends the other side of a tunnel to the client. */
export class TunnelSink implements BodySink {
  readonly #socket: Socket;
  readonly #ended: () => void;
  #flow: BodyFlow | undefined;

  /** @param ended Called when the other side has ended and everything was sent. */
  constructor(socket: Socket, ended: () => void) {
    this.#socket = socket;
    this.#ended = ended;
  }

  /** @throws TypeError if the body was already read. The connection is reset then. */
  pipe(body: Body): void {
    try {
      this.#flow = body.pipe(this);
    } catch (cause) {
      // The client has already been told to continue.
      reset(this.#socket);
      throw cause;
    }
  }

  write(chunk: Uint8Array): boolean {
    return this.#socket.write(chunk);
  }

  end(): void {
    this.#socket.end(this.#ended);
  }

  fail(): void {
    reset(this.#socket);
  }

  /** The client has taken what was written. */
  drained(): void {
    this.#flow?.resume();
  }

  /** The client is gone. */
  closed(): void {
    this.#flow?.cancel(new Error("the client closed the request"));
  }
}

/**
 * Composes the head of a response that opens a tunnel.
 *
 * @throws TypeError for a field or a reason phrase that cannot be sent.
 */
export function composeAcceptance(
  request: HttpRequest,
  { status, statusText, headers }: HttpResponse,
): string {
  const phrase = statusText ?? STATUS_CODES[status] ?? "";
  checkReason(phrase);
  let head = `HTTP/1.1 ${status} ${phrase}\r\n`;
  const protocol = request.upgrade === undefined ? undefined : chosen(request.upgrade, headers);
  if (protocol !== undefined) head += `connection: Upgrade\r\nupgrade: ${protocol}\r\n`;
  head += fieldLines(headers, (name) => !notInAcceptance.has(name.toLowerCase()));
  const key = request.headers.get("sec-websocket-key");
  // A response from an HTTP/2 origin has none, because there the stream itself is the proof.
  if (
    key !== undefined &&
    protocol !== undefined &&
    isWebSocket(protocol) &&
    !headers.has("sec-websocket-accept")
  )
    head += `sec-websocket-accept: ${websocketAccept(key)}\r\n`;
  return `${head}\r\n`;
}

/**
 * Returns the response's protocol if the client requested it; otherwise the client's preferred one.
 */
function chosen(upgrade: string, headers: HttpHeaders): string {
  const wanted = protocolsOf(upgrade);
  const named = headers.get("upgrade")?.trim();
  const isWanted = wanted.some((protocol) => protocol.toLowerCase() === named?.toLowerCase());
  return isWanted ? (named as string) : (wanted[0] ?? upgrade);
}
