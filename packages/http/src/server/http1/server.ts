import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "@pagoda/core";
import { isLeft } from "fp-ts/lib/Either.js";
import { emptyBody } from "../../body.ts";
import { lists } from "../../grammar/list.ts";
import { parseTarget, type Target } from "../../grammar/request-target.ts";
import { maxTrailers } from "../../grammar/trailers.ts";
import { isGrpc } from "../../grpc.ts";
import { HttpHeaders } from "../../headers.ts";
import { opensTunnel } from "../../grammar/status.ts";
import { type HttpRequest, type HttpResponse, text } from "../../message.ts";
import { callNotes } from "../../notes.ts";
import { wantsWebSocket } from "../../upgrades.ts";
import type { Connected } from "../connections.ts";
import { expectationOf, readFraming } from "../framing.ts";
import { bareResponse, headerBytes, type Refusal, refusalOf, refusalText } from "../refusal.ts";
import type { Side } from "../side.ts";
import { Connection } from "./connection.ts";
import { IncomingBody } from "./incoming.ts";
import { cut, send } from "./outgoing.ts";
import { open, TunnelBody, watch } from "./tunnel.ts";

/** How often Node checks for heads that take too long. */
const checkMs = 1_000;

/** HTTP/1.1 and 1.0 on connections that the listener accepts. */
export class Http1 {
  readonly #side: Side;
  readonly #clock: Clock;
  /** Node's parser and serializer; it never listens. */
  readonly #server: Server;
  readonly #connections = new Map<Socket, Connection>();
  /** A request whose upgrade is ignored: Node's parser drops what followed it in the same chunk. */
  #unreadAfter: IncomingMessage | undefined;

  constructor(side: Side, clock: Clock) {
    this.#side = side;
    this.#clock = clock;
    const server = createServer({
      // Slightly longer heads reach framing.ts, which can tell whether the target is too long.
      maxHeaderSize: 2 * headerBytes,
      headersTimeout: side.limits.headMs,
      connectionsCheckingInterval: checkMs,
      // A large upload may take long; it is bounded by the time without a byte.
      requestTimeout: 0,
      // connection.ts handles idle connections.
      keepAliveTimeout: 0,
      // framing.ts counts fields: Node would silently drop those over its limit.
      requireHostHeader: false,
      optimizeEmptyRequests: true,
      // Overrides --insecure-http-parser.
      insecureHTTPParser: false,
      // Older versions of Node do not call this, and hand over the connection.
      shouldUpgradeCallback: (message) => {
        const leaves = !hasBody(message) && this.#connections.get(message.socket)?.isBusy === false;
        if (!leaves) this.#unreadAfter = message;
        return leaves;
      },
    });
    server.maxHeadersCount = 0;
    server.on("request", (message, out) => this.#request(message, out, false));
    server.on("checkContinue", (message, out) => this.#expecting(message, out));
    server.on("checkExpectation", (message, out) => this.#expecting(message, out));
    server.on("upgrade", (message, socket, head) => this.#leaves(message, socket as Socket, head));
    server.on("connect", (message, socket, head) => this.#leaves(message, socket as Socket, head));
    server.on("clientError", ({ code }: NodeJS.ErrnoException, socket) => {
      const refusal = refusalOf(code, this.#side.limits.headMs);
      if (refusal === undefined) socket.destroy();
      else if (this.#connections.get(socket as Socket)?.refuse(bareResponse(refusal)))
        this.#side.refused(refusal);
    });
    // This makes Node start its check for heads that take too long.
    server.emit("listening");
    this.#server = server;
  }

  accept(socket: Socket): Connected {
    const connection = new Connection(socket, this.#side, this.#clock);
    this.#connections.set(socket, connection);
    socket.once("close", () => this.#connections.delete(socket));
    this.#server.emit("connection", socket);
    return connection;
  }

  /** Applies changed limits. */
  update(): void {
    this.#server.headersTimeout = this.#side.limits.headMs;
  }

  close(): void {
    this.#server.close();
  }

  #expecting(message: IncomingMessage, out: ServerResponse): void {
    const expectation = expectationOf(message.headers.expect ?? "");
    if (expectation !== undefined) return this.#request(message, out, expectation === "continue");
    const connection = this.#begin(message, out);
    if (connection === undefined) return;
    this.#refuse(connection, out, { status: 417, reason: "expectation must be 100-continue" });
  }

  #request(message: IncomingMessage, out: ServerResponse, awaitsContinue: boolean): void {
    const connection = this.#begin(message, out);
    if (connection === undefined) return;
    const read = this.#read(message, out, connection);
    if ("status" in read) return this.#refuse(connection, out, read);
    if (message === this.#unreadAfter) connection.endAfter(out);
    const { request, length } = read;
    const body =
      length === 0
        ? emptyBody
        : new IncomingBody(message, length, this.#refuseTrailers, awaitsContinue ? out : undefined);
    if (body instanceof IncomingBody && !isGrpc(request.headers)) connection.measure(body);
    const whole = { ...request, body };
    if (connection.turns.take(out)) this.#start(whole, connection, out);
    else connection.turns.hold(out, () => this.#start(whole, connection, out));
  }

  #start(request: HttpRequest, connection: Connection, out: ServerResponse): void {
    this.#call(request, connection, out, (response, defect) => this.#send(response, connection, out, defect));
  }

  /**
   * Handles an upgrade or CONNECT. Node has handed the connection over and reads no further
   * requests from it, so it ends with the response unless that accepts. If the upgrade is not
   * enabled, it is ignored, and the connection returns to Node after the response.
   */
  #leaves(message: IncomingMessage, socket: Socket, head: Buffer): void {
    const connection = this.#connections.get(socket);
    // Requests in flight on it could not finish.
    if (connection === undefined || connection.isBusy) return void socket.destroy();
    const out = new ServerResponse(message);
    out.assignSocket(socket);
    const drained = (): void => void out.emit("drain");
    socket.on("drain", drained);
    if (head.length > 0) socket.unshift(head);
    const unwatch = watch(socket);
    out.once("finish", () => {
      unwatch();
      socket.off("drain", drained);
      if (!connection.givenBack(out)) return;
      this.#server.emit("connection", socket);
      socket.resume();
    });
    if (this.#begin(message, out) === undefined) return;
    const upgrade = this.#side.tunnels.wantedBy(message);
    const isConnect = message.method === "CONNECT";
    const isTunnel = upgrade !== undefined || isConnect;
    if (isTunnel || hasBody(message) || !isKept(message)) connection.endAfter(out);
    const read = this.#read(message, out, connection);
    if ("status" in read) return this.#refuse(connection, out, read);
    if (read.length !== 0)
      return this.#refuse(connection, out, {
        status: 400,
        reason: "an upgrade request must not have a body",
      });
    if (isConnect && !this.#side.tunnels.connects)
      return this.#refuse(connection, out, { status: 501, reason: "CONNECT is not enabled" });
    if (wantsWebSocket(upgrade) && read.request.headers.all("sec-websocket-key").length !== 1)
      return this.#refuse(connection, out, {
        status: 400,
        reason: "exactly one Sec-WebSocket-Key is required",
      });
    const body = new TunnelBody(socket, unwatch);
    const request = { ...read.request, body: isTunnel ? body : emptyBody, upgrade };
    this.#call(request, connection, out, (response, defect) => {
      if (!opensTunnel(request, response.status)) return this.#send(response, connection, out, defect);
      open(request, response, out, body);
    });
  }

  /** Reads a request's head. Body and length are passed separately. */
  #read(
    message: IncomingMessage,
    out: ServerResponse,
    { peer }: Connection,
  ): Refusal | { readonly request: HttpRequest; readonly length: number | undefined } {
    const framing = readFraming(message);
    if ("status" in framing) return framing;
    const target = parseTarget(message.method as string, message.url as string, framing.host);
    if (target === undefined) return { status: 400, reason: "malformed request target" };
    const request: HttpRequest = {
      method: message.method as string,
      scheme: this.#side.scheme,
      authority: target.authority,
      path: target.path,
      query: target.query,
      headers: headersFor(message, target, framing.host),
      body: emptyBody,
      version: message.httpVersionMinor === 0 ? "1.0" : "1.1",
      peer,
      onInformation: (status, information) => sendInformation(out, status, information),
      notes: callNotes(),
    };
    return { request, length: framing.length };
  }

  /** @param answer Sends the response. An error that it throws is a defect. */
  #call(
    request: HttpRequest,
    connection: Connection,
    out: ServerResponse,
    answer: (response: HttpResponse, defect: (cause: unknown) => void) => void,
  ): void {
    const defect = (cause: unknown): void => this.#defect(cause, request, connection, out);
    this.#side.call(request, connection.signal).then((result) => {
      try {
        if (isLeft(result)) return defect(result.left);
        answer(result.right, defect);
      } catch (cause) {
        // A response that cannot be sent: an invalid status, a line feed in a field, a body that
        // was already read.
        defect(cause);
      }
    }, defect);
  }

  /** Returns `undefined` when the connection is ending; the request is ignored. */
  #begin(message: IncomingMessage, out: ServerResponse): Connection | undefined {
    const connection = this.#connections.get(message.socket);
    if (!connection?.begin(message, out)) return undefined;
    this.#side.began();
    out.once("close", () => {
      connection.finished(out);
      if (this.#side.draining) connection.drain();
      this.#side.ended();
    });
    return connection;
  }

  #send(
    response: HttpResponse,
    connection: Connection,
    out: ServerResponse,
    defect: (cause: unknown) => void,
  ): void {
    if (connection.isLast(out, this.#side.draining)) connection.endAfter(out);
    send(response, out, this.#side.backlog, defect);
  }

  #defect(cause: unknown, request: HttpRequest, connection: Connection, out: ServerResponse): void {
    this.#side.defect(cause, request);
    if (out.headersSent) cut(out);
    else this.#send(internalError, connection, out, () => {});
  }

  readonly #refuseTrailers = ({ socket }: IncomingMessage): void => {
    const refusal: Refusal = { status: 431, reason: `more than ${maxTrailers} trailers` };
    if (this.#connections.get(socket)?.refuseLatest(bareResponse(refusal))) this.#side.refused(refusal);
  };

  #refuse(connection: Connection, out: ServerResponse, refusal: Refusal): void {
    this.#side.refused(refusal);
    connection.endAfter(out);
    send(text(refusalText(refusal), refusal.status), out, this.#side.backlog, () => {});
  }
}

/** Whether a body follows the head. */
function hasBody({ headers }: IncomingMessage): boolean {
  return (headers["content-length"] ?? "0") !== "0" || headers["transfer-encoding"] !== undefined;
}

/** Whether a connection that Node has handed over persists after the response (RFC 9112, 9.3). */
function isKept({ headers, httpVersionMinor }: IncomingMessage): boolean {
  return httpVersionMinor > 0 && !lists(headers.connection ?? "", "close");
}

/** With a reason phrase, because Node would reuse that of a response that it refused to send. */
const internalError: HttpResponse = {
  ...text("500 Internal Server Error\n", 500),
  statusText: "Internal Server Error",
};

/**
 * RFC 9112, 3.2.2: an absolute target overrides the Host field, so later readers must not find
 * another host.
 */
function headersFor({ rawHeaders }: IncomingMessage, { authority }: Target, host: string): HttpHeaders {
  const headers = new HttpHeaders(rawHeaders);
  return authority === host ? headers : headers.set("Host", authority);
}

function sendInformation(out: ServerResponse, status: number, headers: HttpHeaders): void {
  // The body sends 100: see IncomingBody. HTTP/1.0 has no 1xx, and no response follows 101.
  if (status <= 101 || out.req.httpVersionMinor === 0 || out.headersSent || out.destroyed) return;
  // A response without a body has no framing fields (RFC 9110, 8.6, and RFC 9112, 6.1).
  const { raw } = headers.delete("content-length").delete("transfer-encoding");
  // Node before 26 cannot send other 1xx responses.
  out.writeInformation?.(status, [...raw]);
}
