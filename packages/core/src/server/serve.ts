import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type Either, isLeft, left, right } from "fp-ts/lib/Either.js";
import { type Clock, systemClock, type Timer } from "../clock.ts";
import type { Fault } from "../fault.ts";
import { emptyBody } from "../http/body.ts";
import { HttpHeaders } from "../http/headers.ts";
import { type HttpRequest, type HttpResponse, type Peer, text } from "../http/message.ts";
import type { Service } from "../service.ts";
import { parseTarget, refusal, type Refusal } from "./framing.ts";
import { IncomingBody } from "./incoming.ts";
import { send } from "./outgoing.ts";

/** What the server tells whoever counts and logs; each is called synchronously and must not throw. */
export interface ServerObserver {
  /** A connection was opened, or closed; `open` is how many there are now. */
  readonly connections?: (open: number, change: "opened" | "closed") => void;
  /** A connection was closed at once: there are as many as allowed. */
  readonly connectionRefused?: () => void;
  /** A request was answered here, before any layer: malformed, too large, too slow. */
  readonly requestRefused?: (status: number, reason: string) => void;
  /** The stack rejected or threw: a mistake in the program. The client got 500. */
  readonly defect?: (defect: unknown, request: HttpRequest) => void;
}

export interface ServeOptions extends ServerObserver {
  /** Address to bind. Default 127.0.0.1. */
  readonly host?: string;
  /** Port to bind; 0 (the default) lets the system choose. */
  readonly port?: number;
  /** Connections at once; a further one is closed as it comes. Default: no limit. */
  readonly maxConnections?: number;
  readonly clock?: Clock;
}

/** The address could not be bound. */
export interface ListenFailed extends Fault<"ListenFailed"> {
  readonly host: string;
  readonly port: number;
  /** The system's word for it: `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`. */
  readonly code: string;
}

/** A stack being served. */
export interface HttpServer {
  readonly host: string;
  readonly port: number;
  /** `http://host:port`. */
  readonly url: string;
  /** Connections that are open. */
  readonly connections: number;
  /** Requests whose response has not gone out as a whole. */
  readonly inFlight: number;
  /**
   * Stops accepting, lets the requests in flight finish, and closes each connection after its last response.
   *
   * @param limitMs How long they may take; whoever is not done then is cut off.
   * @returns How many requests were cut off: 0 when all completed.
   */
  drain(limitMs: number): Promise<number>;
  /** Closes everything at once. */
  close(): Promise<void>;
}

const headerBytes = 61_440;
const headersMs = 60_000;
const streamIdleMs = 300_000;
const connectionIdleMs = 3_600_000;
const lingerMs = 2_000;

/**
 * Serves a stack over HTTP/1.1. It takes only a stack whose errors are all answered: the error type is `never`.
 *
 * It does not wait for the stack's readiness: a call that cannot be admitted gets its layer's refusal, and who
 * wants to wait puts a buffer into the stack. What each connection may cost is bounded: 60 KiB and 100 fields of
 * headers, 60 s to send them, 5 min without a byte while a request is under way, 1 h between requests.
 */
export function serve(
  stack: Service<HttpRequest, HttpResponse, never>,
  options: ServeOptions = {},
): Promise<Either<ListenFailed, HttpServer>> {
  const { host = "127.0.0.1", port = 0 } = options;
  const listener = new Listener(stack, options);
  return new Promise((resolve) => {
    const { server } = listener;
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const code = cause.code ?? cause.message;
      resolve(left({ _tag: "ListenFailed", origin: "local", retryable: true, host, port, code, cause }));
    });
    server.listen({ host, port, backlog: 1_024 }, () => {
      server.removeAllListeners("error");
      resolve(right(listener));
    });
  });
}

class Listener implements HttpServer {
  readonly server: Server;
  readonly #stack: Service<HttpRequest, HttpResponse, never>;
  readonly #observer: ServerObserver;
  readonly #clock: Clock;
  readonly #connections = new Map<Socket, Connection>();
  #inFlight = 0;
  #draining: (() => void) | undefined;

  constructor(stack: Service<HttpRequest, HttpResponse, never>, options: ServeOptions) {
    this.#stack = stack;
    this.#observer = options;
    this.#clock = options.clock ?? systemClock;
    this.server = createServer({
      maxHeaderSize: headerBytes,
      headersTimeout: headersMs,
      // A large upload may take long; what bounds it is the time without a byte.
      requestTimeout: 0,
      keepAliveTimeout: connectionIdleMs,
      // Fields are counted in framing.ts: Node would drop those over its limit without a word.
      requireHostHeader: false,
      optimizeEmptyRequests: true,
    });
    const { server } = this;
    server.maxHeadersCount = 0;
    server.timeout = streamIdleMs;
    if (options.maxConnections !== undefined) server.maxConnections = options.maxConnections;
    server.on("connection", (socket) => this.#opened(socket));
    server.on("drop", () => this.#observer.connectionRefused?.());
    server.on("request", (message, out) => this.#request(message, out, false));
    server.on("checkContinue", (message, out) => this.#request(message, out, true));
    server.on("checkExpectation", (_message, out) => out.writeHead(417).end());
    server.on("connect", (_message, socket) => {
      this.#refuseConnection(socket as Socket, { status: 501, reason: "CONNECT is not supported" });
    });
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      if (error.code === "ECONNRESET" || !socket.writable) socket.destroy();
      else this.#refuseConnection(socket as Socket, refusalOf(error.code));
    });
  }

  get host(): string {
    return (this.server.address() as AddressInfo).address;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    const { address, port, family } = this.server.address() as AddressInfo;
    return family === "IPv6" ? `http://[${address}]:${port}` : `http://${address}:${port}`;
  }

  get connections(): number {
    return this.#connections.size;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  async drain(limitMs: number): Promise<number> {
    const drained = new Promise<void>((resolve) => (this.#draining = resolve));
    this.server.close();
    this.server.closeIdleConnections();
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => (timer = this.#clock.setTimer(limitMs, resolve)));
    if (this.#inFlight > 0) await Promise.race([drained, late]);
    if (timer !== undefined) this.#clock.clearTimer(timer);
    const cutOff = this.#inFlight;
    if (cutOff > 0) this.server.closeAllConnections();
    await this.#allClosed();
    return cutOff;
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await this.#allClosed();
  }

  /** Sockets flush what was written to them before they close. */
  async #allClosed(): Promise<void> {
    await Promise.all([...this.#connections.values()].map((connection) => connection.closed));
  }

  #opened(socket: Socket): void {
    const connection = new Connection(socket);
    this.#connections.set(socket, connection);
    this.#observer.connections?.(this.#connections.size, "opened");
    socket.once("close", () => {
      this.#connections.delete(socket);
      connection.close();
      this.#observer.connections?.(this.#connections.size, "closed");
    });
  }

  #request(message: IncomingMessage, out: ServerResponse, awaitsContinue: boolean): void {
    this.#inFlight++;
    out.once("close", () => this.#finished());
    const refused = refusal(message);
    if (refused !== undefined) return this.#refuse(out, refused);
    const target = parseTarget(message.url as string, message.headers.host ?? "");
    if (target === undefined)
      return this.#refuse(out, { status: 400, reason: "the request target is malformed" });

    const connection = this.#connections.get(message.socket) as Connection;
    const { headers } = message;
    const hasBody = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
    const request: HttpRequest = {
      method: message.method as string,
      scheme: "http",
      authority: target.authority,
      path: target.path,
      query: target.query,
      headers: new HttpHeaders(message.rawHeaders),
      body: hasBody ? new IncomingBody(message, awaitsContinue ? out : undefined) : emptyBody,
      version: message.httpVersionMinor === 0 ? "1.0" : "1.1",
      peer: connection.peer,
      onInformation: (status, information) => sendInformation(out, status, information),
    };
    // A stack that throws instead of rejecting has the same defect.
    new Promise<Either<never, HttpResponse>>((resolve) =>
      resolve(this.#stack.call(request, connection.signal)),
    ).then(
      (result) => {
        if (isLeft(result)) return this.#defect(result.left, request, message, out);
        this.#closeIfLast(message, out);
        send(result.right, out);
      },
      (defect: unknown) => this.#defect(defect, request, message, out),
    );
  }

  #defect(defect: unknown, request: HttpRequest, message: IncomingMessage, out: ServerResponse): void {
    this.#observer.defect?.(defect, request);
    if (out.headersSent) return void out.destroy();
    this.#closeIfLast(message, out);
    send(text("500 Internal Server Error\n", 500), out);
  }

  /** Says in the response that the connection ends after it: when draining, or when the body was not read. */
  #closeIfLast(message: IncomingMessage, out: ServerResponse): void {
    if (message.complete) {
      if (this.#draining !== undefined) out.shouldKeepAlive = false;
      return;
    }
    out.shouldKeepAlive = false;
    linger(message, this.#clock);
  }

  #finished(): void {
    this.#inFlight--;
    if (this.#draining === undefined) return;
    this.server.closeIdleConnections();
    if (this.#inFlight === 0) this.#draining();
  }

  #refuse(out: ServerResponse, { status, reason }: Refusal): void {
    this.#observer.requestRefused?.(status, reason);
    out.shouldKeepAlive = false;
    send(text(`${status} ${reason}\n`, status), out);
  }

  /** For what did not become a request: the answer is written to the bare socket, which then closes. */
  #refuseConnection(
    socket: Socket,
    { status, reason }: { readonly status: number; readonly reason: string },
  ): void {
    this.#observer.requestRefused?.(status, reason);
    const body = `${status} ${reason}\n`;
    socket.end(
      `HTTP/1.1 ${status} ${statusTexts[status] ?? "Bad Request"}\r\nconnection: close\r\n` +
        `content-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }
}

/** What is known of a connection for all its requests. */
class Connection {
  readonly peer: Peer;
  readonly closed: Promise<void>;
  readonly #gone = new AbortController();
  readonly #close: () => void;

  constructor(socket: Socket) {
    this.peer = { address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 };
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#close = resolve;
  }

  /**
   * Aborted when the client has gone. One signal serves all requests of a connection: HTTP/1.1 has no other way to
   * take back a request than to close, and a controller for each costs more than a layer.
   */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  close(): void {
    this.#gone.abort(new Error("the client has gone"));
    this.#close();
  }
}

/**
 * Makes the connection close in two steps after the response: a client that is still sending must be read for a
 * while, or the system throws the response away with what it did not read (RFC 9112, 9.6).
 */
function linger({ socket }: IncomingMessage, clock: Clock): void {
  socket.destroySoon = () => {
    socket.end();
    socket.resume();
    const timer = clock.setTimer(lingerMs, () => socket.destroy());
    socket.once("close", () => clock.clearTimer(timer));
  };
}

function sendInformation(out: ServerResponse, status: number, headers: HttpHeaders): void {
  // 100 is the body's matter: see IncomingBody. Node before 26 has no way to send the others.
  if (status !== 100 && !out.headersSent && !out.destroyed) out.writeInformation?.(status, [...headers.raw]);
}

function refusalOf(code: string | undefined): { readonly status: number; readonly reason: string } {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return { status: 431, reason: `header fields of more than ${headerBytes} bytes` };
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return { status: 408, reason: `no complete header within ${headersMs} ms` };
    default:
      return { status: 400, reason: "the request is malformed" };
  }
}

const statusTexts: Readonly<Record<number, string>> = {
  400: "Bad Request",
  408: "Request Timeout",
  431: "Request Header Fields Too Large",
  501: "Not Implemented",
};
