import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { BodyFlow, BodySink } from "../../body.ts";
import type { HttpHeaders } from "../../headers.ts";
import type { HttpRequest, HttpResponse } from "../../message.ts";
import { StreamBody } from "../../stream-body.ts";
import { isWebSocket, protocolsOf, websocketAccept } from "../../upgrades.ts";
import { checkField, fieldOf } from "../fields.ts";
import { notInAcceptance } from "../leaving.ts";
import { reset } from "../reset.ts";

/**
 * Closes a connection that Node has handed over when its client leaves before the response. To
 * notice this, it reads ahead, up to the socket's buffer. A client that has ended its half and sent
 * nothing since its request counts as gone: neither a tunnel nor, to Node, a response is of use to
 * it.
 *
 * @returns A function that stops watching.
 */
export function watch(socket: Socket): () => void {
  // The end is only reported once it is read.
  const look = (): void => {
    if (socket.readableLength === 0) socket.read();
  };
  const left = (): void => void socket.destroy();
  socket.on("readable", look).once("end", left);
  return () => void socket.off("readable", look).off("end", left);
}

/** The client's side of a tunnel. */
export class TunnelBody extends StreamBody {
  readonly #socket: Socket;
  readonly #unwatch: () => void;
  #isUnwanted = false;

  /** @param unwatch Stops `watch`. */
  constructor(socket: Socket, unwatch: () => void) {
    super(socket);
    this.#socket = socket;
    this.#unwatch = unwatch;
  }

  protected override started(): void {
    this.#unwatch();
    super.started();
  }

  /** The other side has ended: closes the connection if the client's side is no longer read. */
  otherEnded(): void {
    if (this.#isUnwanted) this.#socket.destroy();
  }

  /** Drops the rest of the client's side, and closes the connection once the other side has ended. */
  protected override discard(): void {
    this.#isUnwanted = true;
    this.#unwatch();
    if (this.#socket.writableFinished) this.#socket.destroy();
    else this.#socket.pause();
  }
}

/**
 * Opens the tunnel: from here on the connection's bytes are the bodies.
 *
 * @throws TypeError for a field that cannot be sent, or a body that was already read.
 */
export function open(
  request: HttpRequest,
  response: HttpResponse,
  out: ServerResponse,
  body: TunnelBody,
): void {
  const head = headOf(request, response);
  const { socket } = out.req;
  out.detachSocket(socket);
  socket.write(head, "latin1");
  try {
    const sink = new TunnelSink(socket, body);
    sink.flow = response.body.pipe(sink);
  } catch (cause) {
    // The client has already been told to continue.
    reset(socket);
    throw cause;
  }
}

class TunnelSink implements BodySink {
  readonly #socket: Socket;
  readonly #body: TunnelBody;
  flow: BodyFlow | undefined;

  constructor(socket: Socket, body: TunnelBody) {
    this.#socket = socket;
    this.#body = body;
    socket.on("drain", () => this.flow?.resume());
    socket.once("close", () => this.flow?.cancel(new Error("the client closed the request")));
  }

  write(chunk: Uint8Array): boolean {
    return this.#socket.write(chunk);
  }

  end(): void {
    this.#socket.end(() => this.#body.otherEnded());
  }

  fail(): void {
    reset(this.#socket);
  }
}

function headOf(request: HttpRequest, { status, statusText, headers }: HttpResponse): string {
  const phrase = statusText ?? STATUS_CODES[status] ?? "";
  checkField("reason", phrase);
  let head = `HTTP/1.1 ${status} ${phrase}\r\n`;
  const protocol = request.upgrade === undefined ? undefined : chosen(request.upgrade, headers);
  if (protocol !== undefined) head += `connection: Upgrade\r\nupgrade: ${protocol}\r\n`;
  for (const [name, value] of headers) {
    if (notInAcceptance.has(name.toLowerCase())) continue;
    checkField(name, value);
    head += `${name}: ${value}\r\n`;
  }
  const key = fieldOf(request.headers.raw, "sec-websocket-key");
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
