import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import {
  canonicalAddress,
  type Clock,
  type Either,
  left,
  notShown,
  rangeError,
  right,
  type Service,
  systemClock,
} from "@pagoda/core";
import { CutOff } from "../cut-off.ts";
import type { HttpRequest, HttpResponse, Peer } from "../message.ts";
import { Accepted } from "./accepted.ts";
import { Backlog } from "./backlog.ts";
import { ClientConnections } from "./client-connections.ts";
import { type Limits, limitsOf } from "./client-limits.ts";
import { Connections } from "./connections.ts";
import type { HttpServer, ListenFailed, ServerUpdate } from "./http-server.ts";
import { Http1Connection } from "./http1/connection.ts";
import { HttpDate } from "./http-date.ts";
import { Http2Connection } from "./http2/connection.ts";
import { detectProtocol } from "./detect-protocol.ts";
import { peerOf } from "./peer.ts";
import { bareResponse, type Refusal } from "./refusal.ts";
import type { HttpVersion, ServeOptions, ServerObserver } from "./serve-options.ts";
import type { ServerContext } from "./server-context.ts";
import { type ServerTls, TlsEnd } from "./tls.ts";
import { Tunnels } from "./tunnels.ts";

/** A listening socket and its connections. */
export class Listener implements HttpServer, ServerContext {
  host = "";
  port = 0;
  readonly scheme: "http" | "https";
  draining = false;
  inFlight = 0;
  tunnels: Tunnels;
  limits: Limits;
  readonly backlog: Backlog = new Backlog();
  readonly date: HttpDate;
  readonly #stack: Service<HttpRequest, HttpResponse, never>;
  readonly #observer: ServerObserver;
  readonly #clock: Clock;
  readonly #protocols: readonly HttpVersion[];
  /** One, or one for each given socket. */
  readonly #acceptors: Server[] = [];
  #maxConnections: number | undefined;
  readonly #ofClients: ClientConnections;
  readonly #connections: Connections;
  #tls: TlsEnd | undefined;
  /**
   * Connections in their TLS handshake, by address: TLS does not report whose handshake has ended.
   */
  readonly #handshakes = new Map<string, Accepted>();
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(stack: Service<HttpRequest, HttpResponse, never>, options: ServeOptions) {
    const { protocols = ["http1", "http2"], tls, upgrades = ["websocket"], clock = systemClock } = options;
    if (protocols.length === 0)
      throw rangeError("serve: protocols", '["http1"], ["http2"] or both', protocols);
    this.scheme = tls === undefined ? "http" : "https";
    this.limits = limitsOf(options.limits);
    this.#stack = stack;
    this.#observer = options;
    this.#clock = clock;
    this.#protocols = protocols;
    this.tunnels = new Tunnels(upgrades);
    this.#tls = tls && this.#tlsEnd(tls);
    this.#connections = new Connections(clock);
    this.date = new HttpDate(clock);
    this.#maxConnections = options.maxConnections;
    this.#ofClients = new ClientConnections(options.maxConnectionsPerClient ?? Infinity);
  }

  async listen(
    host: string,
    port: number,
    reusePort: boolean,
    sockets: readonly object[],
  ): Promise<Either<ListenFailed, HttpServer>> {
    try {
      if (sockets.length === 0)
        await this.#listen((acceptor) => acceptor.listen({ host, port, backlog, reusePort }));
      for (const socket of sockets) await this.#listen((acceptor) => acceptor.listen(socket, backlog));
    } catch (error) {
      this.#stopAccepting();
      const cause = error as NodeJS.ErrnoException;
      const code = cause.code ?? cause.message;
      return left({ _tag: "ListenFailed", origin: "local", retryable: true, host, port, code, cause });
    }
    return right(this);
  }

  async #listen(listen: (acceptor: Server) => Server): Promise<void> {
    // Like Node's own HTTP server: a client that has ended its half may still read.
    const acceptor = createServer({ allowHalfOpen: true, noDelay: true });
    acceptor.on("connection", (socket) => this.#accept(socket));
    acceptor.on("drop", () => this.#observer.connectionRefused?.());
    this.#acceptors.push(acceptor);
    this.#limit(this.#maxConnections);
    await once(listen(acceptor), "listening");
    // The system could not hand over a connection: out of memory or descriptors. The others
    // continue.
    acceptor.on("error", () => this.#observer.connectionRefused?.());
    ({ address: this.host, port: this.port } = acceptor.address() as AddressInfo);
  }

  get url(): string {
    return `${this.scheme}://${this.host.includes(":") ? `[${this.host}]` : this.host}:${this.port}`;
  }

  get connections(): number {
    return this.#connections.size;
  }

  update({ tls, maxConnections, maxConnectionsPerClient, upgrades, limits }: ServerUpdate): void {
    const tunnels = upgrades === undefined ? this.tunnels : new Tunnels(upgrades);
    const next = limits === undefined ? this.limits : limitsOf(limits);
    if (tls !== undefined) {
      if (this.#tls === undefined)
        throw rangeError("update: tls", "omitted for a server without TLS", notShown);
      this.#tls = this.#tlsEnd(tls);
    }
    this.tunnels = tunnels;
    this.limits = next;
    this.#limit(maxConnections);
    this.#ofClients.max = maxConnectionsPerClient ?? Infinity;
  }

  async drain(limitMs: number): Promise<number> {
    this.draining = true;
    this.#stopAccepting();
    for (const connection of this.#connections) connection.drain();
    const over = this.#over();
    await this.#within(limitMs, over);
    const cutOff = this.inFlight;
    const reason = new CutOff(`draining took longer than ${limitMs / 1_000} s`);
    for (const connection of this.#connections) connection.destroy(reason);
    await over;
    return cutOff;
  }

  async close(): Promise<void> {
    this.draining = true;
    this.#stopAccepting();
    const reason = new CutOff("the server was closed");
    for (const connection of this.#connections) connection.destroy(reason);
    await this.#over();
  }

  call(request: HttpRequest, signal: AbortSignal): Promise<Either<never, HttpResponse>> {
    try {
      return Promise.resolve(this.#stack.call(request, signal));
    } catch (defect) {
      // A synchronous throw of the stack is the same defect as a rejection.
      return Promise.reject(defect);
    }
  }

  began(): void {
    this.inFlight++;
  }

  ended(): void {
    if (--this.inFlight === 0) this.#idle?.resolve();
  }

  refused({ status, reason }: Refusal, { address }: Pick<Peer, "address">, isCalled: boolean = false): void {
    this.#observer.requestRefused?.(status, reason, address, isCalled);
  }

  defect(cause: unknown, request: HttpRequest): void {
    this.#observer.defect?.(cause, request);
  }

  #accept(socket: Socket): void {
    // Node reads the address here, once. Later the client could have reset the connection, and its
    // request would have no address for rules and limits.
    if (socket.remoteAddress === undefined) return void socket.destroy();
    const client = this.#ofClients.opened(socket.remoteAddress);
    if (client === undefined) {
      this.#observer.connectionRefused?.();
      return void socket.destroy();
    }
    const accepted = new Accepted(socket, this, this.#clock);
    this.#connections.add(accepted);
    // An error before the version is known only means that the client is gone.
    socket.on("error", () => {});
    socket.once("close", () => {
      this.#connections.delete(accepted);
      this.#ofClients.closed(client);
      this.#observer.connections?.(this.connections, "closed");
    });
    this.#observer.connections?.(this.connections, "opened");
    if (this.#tls !== undefined) this.#handshake(socket, accepted, this.#tls);
    else if (this.#protocols.length > 1) this.#detectProtocol(socket, accepted);
    else this.#begin(socket, accepted, this.#protocols[0] === "http2");
  }

  #detectProtocol(socket: Socket, accepted: Accepted): void {
    detectProtocol(socket, (isHttp2, seen) => this.#begin(socket, accepted, isHttp2).read(seen));
  }

  #begin(socket: Socket, accepted: Accepted, isHttp2: boolean): Http1Connection | Http2Connection {
    const connection = new (isHttp2 ? Http2Connection : Http1Connection)(socket, this, this.#clock);
    accepted.become(connection);
    if (this.draining) accepted.drain();
    return connection;
  }

  #handshake(socket: Socket, accepted: Accepted, tls: TlsEnd): void {
    const from = cameFrom(socket);
    this.#handshakes.set(from, accepted);
    socket.once("close", () => {
      if (this.#handshakes.get(from) === accepted) this.#handshakes.delete(from);
    });
    tls.accept(socket);
  }

  #tlsEnd(tls: ServerTls): TlsEnd {
    // In order of preference.
    const alpn = (["http2", "http1"] as const).filter((version) => this.#protocols.includes(version));
    return new TlsEnd(
      tls,
      alpn.flatMap((version) => alpnNames[version]),
      {
        secure: (socket) => this.#secure(socket),
        failed: (reason, { remoteAddress }) =>
          this.#observer.handshakeFailed?.(reason, remoteAddress && canonicalAddress(remoteAddress)),
        plain: (socket) => this.#plain(socket),
      },
    );
  }

  /**
   * Refuses plain HTTP with a message, as nginx does: a connection that just closes would be hard
   * to debug.
   */
  #plain(socket: TLSSocket): void {
    const refusal: Refusal = { status: 400, reason: "plain HTTP request sent to HTTPS port" };
    const accepted = this.#handshakes.get(cameFrom(socket));
    if (accepted === undefined) return void socket.destroy();
    this.refused(refusal, peerOf(socket));
    accepted.refuse(bareResponse(refusal));
  }

  #secure(socket: TLSSocket): void {
    const from = cameFrom(socket);
    const accepted = this.#handshakes.get(from);
    this.#handshakes.delete(from);
    const isHttp2 = socket.alpnProtocol === "h2";
    // The client is gone, or has not negotiated a protocol, which then is HTTP/1.1.
    if (accepted === undefined || (!isHttp2 && !this.#protocols.includes("http1"))) socket.destroy();
    else this.#begin(socket, accepted, isHttp2);
  }

  #limit(maxConnections: number | undefined): void {
    this.#maxConnections = maxConnections;
    // Node's types do not allow `undefined` to remove the limit.
    for (const acceptor of this.#acceptors) acceptor.maxConnections = maxConnections ?? Infinity;
  }

  #stopAccepting(): void {
    for (const acceptor of this.#acceptors) acceptor.close();
  }

  /** Resolves when no request is in flight and no connection open. */
  async #over(): Promise<void> {
    await this.#connections.allClosed();
    if (this.inFlight > 0) await (this.#idle ??= Promise.withResolvers()).promise;
  }

  async #within(limitMs: number, over: Promise<void>): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.setTimer(limitMs, resolve);
    await Promise.race([over, late]);
    this.#clock.clearTimer(timer);
  }
}

/** Length of the accept queue; the system may allow less. */
const backlog = 1_024;

const alpnNames: Readonly<Record<HttpVersion, readonly string[]>> = {
  http1: ["http/1.1", "http/1.0"],
  http2: ["h2"],
};

function cameFrom({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}
