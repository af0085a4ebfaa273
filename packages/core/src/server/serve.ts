import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, type Socket, Server as StreamServer } from "node:net";
import { type Either, isLeft, left, right } from "fp-ts/lib/Either.js";
import { type Clock, systemClock } from "../clock.ts";
import type { Fault } from "../fault.ts";
import { emptyBody } from "../http/body.ts";
import { HttpHeaders } from "../http/headers.ts";
import { callNotes, type HttpRequest, type HttpResponse, text } from "../http/message.ts";
import type { Service } from "../service.ts";
import { type Connection, Connections } from "./connection.ts";
import { parseTarget, readFraming, type Target } from "./framing.ts";
import { IncomingBody } from "./incoming.ts";
import { cut, send } from "./outgoing.ts";
import { bareResponse, headerBytes, headersMs, type Refusal, refusalOf, refusalText } from "./refusal.ts";

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

/**
 * Serves a stack over HTTP/1.1. It takes only a stack whose errors are all answered: the error type is `never`.
 *
 * It does not wait for the stack's readiness: a call that cannot be admitted gets its layer's refusal, and who
 * wants to wait puts a buffer into the stack. What each connection may cost is bounded: 60 KiB and 100 fields of
 * headers, 60 s to send them, 1,000 requests that wait for answers, 5 min without a byte while a request is under way,
 * 1 h between requests.
 */
export function serve(
  stack: Service<HttpRequest, HttpResponse, never>,
  options: ServeOptions = {},
): Promise<Either<ListenFailed, HttpServer>> {
  const { host = "127.0.0.1", port = 0 } = options;
  const server = createServer({
    maxHeaderSize: headerBytes,
    headersTimeout: headersMs,
    // A large upload may take long; what bounds it is the time without a byte.
    requestTimeout: 0,
    // Idle connections are looked after in connection.ts.
    keepAliveTimeout: 0,
    // Fields are counted in framing.ts: Node would drop those over its limit without a word.
    requireHostHeader: false,
    optimizeEmptyRequests: true,
    // Not even when the whole process is told to be lenient (--insecure-http-parser).
    insecureHTTPParser: false,
  });
  server.maxHeadersCount = 0;
  if (options.maxConnections !== undefined) server.maxConnections = options.maxConnections;
  return new Promise((resolve) => {
    const failed = (cause: NodeJS.ErrnoException): void => {
      const code = cause.code ?? cause.message;
      resolve(left({ _tag: "ListenFailed", origin: "local", retryable: true, host, port, code, cause }));
    };
    server.once("error", failed);
    server.listen({ host, port, backlog: 1_024 }, () => {
      server.off("error", failed);
      resolve(right(new Listener(stack, server, options)));
    });
  });
}

class Listener implements HttpServer {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly #stack: Service<HttpRequest, HttpResponse, never>;
  readonly #server: Server;
  readonly #observer: ServerObserver;
  readonly #clock: Clock;
  readonly #connections: Connections;
  readonly #drained = Promise.withResolvers<void>();
  #draining = false;
  #inFlight = 0;

  constructor(stack: Service<HttpRequest, HttpResponse, never>, server: Server, options: ServeOptions) {
    const { address, port, family } = server.address() as AddressInfo;
    this.host = address;
    this.port = port;
    this.url = `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
    this.#stack = stack;
    this.#server = server;
    this.#observer = options;
    this.#clock = options.clock ?? systemClock;
    this.#connections = new Connections(this.#clock);
    server.on("connection", (socket) => this.#opened(socket));
    server.on("drop", () => this.#observer.connectionRefused?.());
    // The system could not hand over a connection: no memory, no descriptors. The others go on.
    server.on("error", () => this.#observer.connectionRefused?.());
    server.on("request", (message, out) => this.#request(message, out, false));
    server.on("checkContinue", (message, out) => this.#request(message, out, true));
    server.on("checkExpectation", (message, out) => {
      const connection = this.#begin(message, out);
      if (connection === undefined) return;
      this.#refuse(connection, out, { status: 417, reason: "an expectation other than 100-continue" });
    });
    server.on("connect", ({ socket }) => {
      const refusal: Refusal = { status: 501, reason: "CONNECT is not supported" };
      this.#refused(refusal);
      this.#connections.of(socket)?.refuseTunnel(bareResponse(refusal));
    });
    server.on("clientError", ({ code }: NodeJS.ErrnoException, socket) => {
      const refusal = refusalOf(code);
      if (refusal === undefined) socket.destroy();
      else if (this.#connections.of(socket as Socket)?.refuse(bareResponse(refusal))) this.#refused(refusal);
    });
  }

  get connections(): number {
    return this.#connections.size;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  async drain(limitMs: number): Promise<number> {
    this.#draining = true;
    // Node's own `close` of HTTP servers takes a response that is still being read for an idle connection.
    StreamServer.prototype.close.call(this.#server);
    for (const connection of this.#connections) connection.closeIfIdle();
    if (this.#inFlight > 0) await this.#untilDrained(limitMs);
    const cutOff = this.#inFlight;
    if (cutOff > 0) for (const connection of this.#connections) connection.destroy();
    await this.#connections.allClosed();
    this.#server.close();
    return cutOff;
  }

  async #untilDrained(limitMs: number): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.setTimer(limitMs, resolve);
    await Promise.race([this.#drained.promise, late]);
    this.#clock.clearTimer(timer);
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const connection of this.#connections) connection.destroy();
    await this.#connections.allClosed();
  }

  #opened(socket: Socket): void {
    this.#connections.add(socket, () => this.#observer.connections?.(this.connections, "closed"));
    this.#observer.connections?.(this.connections, "opened");
  }

  #request(message: IncomingMessage, out: ServerResponse, awaitsContinue: boolean): void {
    const connection = this.#begin(message, out);
    if (connection === undefined) return;
    const framing = readFraming(message);
    if ("status" in framing) return this.#refuse(connection, out, framing);
    const target = parseTarget(message.method as string, message.url as string, framing.host);
    if (target === undefined) {
      return this.#refuse(connection, out, { status: 400, reason: "the request target is malformed" });
    }
    const { length } = framing;
    const request: HttpRequest = {
      method: message.method as string,
      scheme: "http",
      authority: target.authority,
      path: target.path,
      query: target.query,
      headers: headersFor(message, target, framing.host),
      body: length === 0 ? emptyBody : new IncomingBody(message, length, awaitsContinue ? out : undefined),
      version: message.httpVersionMinor === 0 ? "1.0" : "1.1",
      peer: connection.peer,
      onInformation: (status, information) => sendInformation(out, status, information),
      notes: callNotes(),
    };
    const defect = (cause: unknown): void => this.#defect(cause, request, connection, out);
    this.#call(request, connection.signal).then((result) => {
      try {
        if (isLeft(result)) return defect(result.left);
        this.#send(result.right, connection, out, defect);
      } catch (cause) {
        // A response that cannot be sent: no status, a line feed in a field, a body that was read already.
        defect(cause);
      }
    }, defect);
  }

  /** `undefined`: the connection is ending, and what came is not a request. */
  #begin(message: IncomingMessage, out: ServerResponse): Connection | undefined {
    const connection = this.#connections.of(message.socket) as Connection;
    if (!connection.begin(message, out)) return undefined;
    this.#inFlight++;
    out.once("close", () => {
      this.#inFlight--;
      connection.finished(out);
      if (!this.#draining) return;
      connection.closeIfIdle();
      if (this.#inFlight === 0) this.#drained.resolve();
    });
    return connection;
  }

  #call(request: HttpRequest, signal: AbortSignal): Promise<Either<never, HttpResponse>> {
    try {
      return Promise.resolve(this.#stack.call(request, signal));
    } catch (defect) {
      // A stack that throws instead of rejecting has the same defect.
      return Promise.reject(defect);
    }
  }

  #send(
    response: HttpResponse,
    connection: Connection,
    out: ServerResponse,
    defect: (cause: unknown) => void,
  ): void {
    if (connection.isLast(out, this.#draining)) connection.endAfter(out);
    send(response, out, defect);
  }

  #defect(cause: unknown, request: HttpRequest, connection: Connection, out: ServerResponse): void {
    this.#observer.defect?.(cause, request);
    if (out.headersSent) cut(out);
    else this.#send(internalError, connection, out, () => {});
  }

  #refuse(connection: Connection, out: ServerResponse, refusal: Refusal): void {
    this.#refused(refusal);
    connection.endAfter(out);
    send(text(refusalText(refusal), refusal.status), out, () => {});
  }

  #refused({ status, reason }: Refusal): void {
    this.#observer.requestRefused?.(status, reason);
  }
}

/** With its reason phrase: Node would take over the one of a response that it refused to send. */
const internalError: HttpResponse = {
  ...text("500 Internal Server Error\n", 500),
  statusText: "Internal Server Error",
};

/** RFC 9112, 3.2.2: an absolute target wins over the Host field, and whoever reads on must not find another. */
function headersFor({ rawHeaders }: IncomingMessage, { authority }: Target, host: string): HttpHeaders {
  const headers = new HttpHeaders(rawHeaders);
  return authority === host ? headers : headers.set("Host", authority);
}

function sendInformation(out: ServerResponse, status: number, headers: HttpHeaders): void {
  // 100 is the body's matter: see IncomingBody. HTTP/1.0 knows no 1xx, and 101 is not for a response to follow.
  if (status <= 101 || out.req.httpVersionMinor === 0 || out.headersSent || out.destroyed) return;
  // Nothing delimits what has no body (RFC 9110, 8.6, and RFC 9112, 6.1).
  const { raw } = headers.delete("content-length").delete("transfer-encoding");
  // Node before 26 has no way to send the others.
  out.writeInformation?.(status, [...raw]);
}
