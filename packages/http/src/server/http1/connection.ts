import type { Socket } from "node:net";
import type { Clock } from "@pagoda/core";
import { CutOff } from "../../cut-off.ts";
import { HttpHeaders } from "../../headers.ts";
import type { Peer } from "../../message.ts";
import { wantsWebSocket } from "../../upgrades.ts";
import { clientGone, type Connected, lingerMs, quietTooLong } from "../connections.ts";
import { Farewell } from "../farewell.ts";
import { Pace } from "../pace.ts";
import { peerOf } from "../peer.ts";
import { bareResponse, type Refusal } from "../refusal.ts";
import { reset } from "../reset.ts";
import type { Side } from "../side.ts";
import { received, sent } from "../wire.ts";
import { Exchange, type ExchangeConnection, type WantedTunnel } from "./exchange.ts";
import type { IncomingBody } from "./incoming-body.ts";
import { linger } from "./linger.ts";
import { MalformedRequest } from "./malformed-request.ts";
import type { RequestHead } from "./request-head.ts";
import { type RequestHandler, RequestReader } from "./request-reader.ts";
import { Turns } from "./turns.ts";

/** Maximum requests waiting for responses. */
const maxWaiting = 1_000;
/** Bytes that may follow the last request while its response is pending. */
const maxDroppedBytes = 32_768;

/**
 * A client's HTTP/1.1 connection: the shared state of its requests, and its shutdown.
 *
 * Once it is ending, nothing that arrives counts as a request (RFC 9112, 9.6): after a refused
 * request, another parser might treat the following bytes as its body. It ends in two steps: the
 * server keeps reading from a client that is still sending, because otherwise the system would
 * discard the response together with the unread data.
 */
export class Http1Connection implements Connected, ExchangeConnection, RequestHandler {
  readonly socket: Socket;
  readonly side: Side;
  readonly peer: Peer;
  isLingering = false;
  readonly #clock: Clock;
  readonly #reader: RequestReader = new RequestReader(this);
  readonly #turns: Turns = new Turns();
  readonly #gone = new AbortController();
  /**
   * In the order of requests. Not a set: V8 keeps old tables of a changing set alive, and with them
   * all exchanges that they contained.
   */
  readonly #pending: Exchange[] = [];
  /** The latest request, until its response is sent. */
  #latest: Exchange | undefined;
  /** The connection ends after its response. */
  #last: Exchange | undefined;
  #ending = false;
  /** Set while the connection is idle and the server drains. */
  #farewell: Farewell | undefined;
  /** When the client ended its half while calls were in flight. */
  #halfClosedMs: number | undefined;
  /** Bytes transferred at the last check, and since when there have been no more. */
  #bytes = 0;
  #quietSince: number;
  /** The head that was incomplete at the last check, and when it was first. */
  #head = 0;
  #headSince: number | undefined;
  /** The body of the latest request, if a limit applies to it. */
  #upload: { readonly body: IncomingBody; readonly pace: Pace } | undefined;
  /** The client's pace in reading responses since the connection was last idle. */
  readonly #taking = new Pace(0);

  constructor(socket: Socket, side: Side, clock: Clock) {
    this.socket = socket;
    this.side = side;
    this.#clock = clock;
    this.#quietSince = clock.now();
    this.#headSince = this.#quietSince;
    this.peer = peerOf(socket);
    // V8 also keeps old tables of a signal's listeners alive; a permanent one keeps the table as it
    // is.
    this.#gone.signal.addEventListener("abort", stays);
    socket
      .on("data", (chunk: Buffer) => this.read(chunk))
      .on("end", () => this.#clientEnded())
      .on("drain", () => this.#pending[0]?.drained())
      .once("close", () => this.#closed());
  }

  /**
   * Aborted when the client is gone or is cut off. All requests of a connection share one signal:
   * HTTP/1.1 clients can only cancel a request by closing the connection, and a controller per
   * request costs more than a layer.
   */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** Reads what has arrived. */
  read(chunk: Buffer): void {
    let refusal: Refusal | undefined;
    try {
      this.#reader.read(chunk);
    } catch (error) {
      if (!(error instanceof MalformedRequest)) throw error;
      ({ refusal } = error);
    }
    // Only now: a short body has arrived with its head.
    this.#turns.startNext();
    if (refusal !== undefined) this.#refuse(refusal);
    if (this.#reader.dropped > maxDroppedBytes && this.#pending.some(({ out }) => !out.isEnded))
      this.socket.destroy();
  }

  // What the reader has found.

  head(head: RequestHead): boolean {
    // Requests in flight could not be answered after it.
    if (head.method === "CONNECT" && this.#isBusy) this.socket.destroy();
    const wanted = this.#wantedTunnel(head);
    const exchange = this.#begin(new Exchange(this, head, wanted));
    if (wanted === undefined && this.side.tunnels.wantedBy(head) !== undefined) this.endAfter(exchange);
    const refusal = this.#refusalOf(head, wanted);
    if (refusal !== undefined) exchange.refuse(refusal);
    else {
      if (exchange.isMeasured)
        this.#upload = { body: exchange.body as IncomingBody, pace: new Pace(received(this.socket)) };
      this.#turns.add(exchange);
    }
    return wanted !== undefined;
  }

  refused(refusal: Refusal): void {
    this.#begin(new Exchange(this, unread, undefined)).refuse(refusal);
  }

  data(chunk: Buffer): void {
    this.#latest?.body?.arrived(chunk);
  }

  complete(trailers: HttpHeaders): void {
    this.#latest?.completed(trailers);
  }

  // What exchanges need.

  isLast(exchange: Exchange): boolean {
    if (exchange === this.#last) return true;
    if (exchange !== this.#latest) return false;
    // Unless the request was read to its end, another one cannot follow.
    return this.side.draining || this.#ending || !exchange.isComplete;
  }

  endAfter(exchange: Exchange): void {
    this.#last ??= exchange;
    this.#end();
  }

  readonly responseSent = (): void => {
    const exchange = this.#pending[0];
    if (this.socket.destroyed || exchange === undefined) return;
    this.#pending.shift();
    if (this.#latest === exchange) this.#latest = undefined;
    this.#turns.over(exchange);
    if (exchange === this.#last || (this.#ending && !this.#isBusy)) this.#linger(exchange);
    else this.#pending[0]?.becomeCurrent();
    if (this.side.draining) this.drain();
    this.side.ended();
  };

  /**
   * With a request in flight, its response announces the close. An idle connection closes after a
   * moment, in which requests that the client has already sent are still served. Later ones are
   * ignored.
   */
  drain(): void {
    const { socket } = this;
    if (this.#isBusy || this.#ending || socket.destroyed) return;
    this.#farewell ??= new Farewell(
      this.#clock,
      () => socket.bytesRead,
      () => {
        this.#end();
        this.#linger();
      },
    );
  }

  look(now: number, lostMs: number): void {
    this.#quietSince += lostMs;
    const { limits } = this.side;
    const came = received(this.socket);
    const went = sent(this.socket);
    if (came + went !== this.#bytes) {
      this.#bytes = came + went;
      this.#quietSince = now;
    } else if (now - this.#quietSince >= (this.#isBusy ? limits.quietMs : limits.idleMs)) {
      this.destroy(quietTooLong(this.#isBusy ? limits.quietMs : limits.idleMs));
      return;
    }
    if (this.#halfClosedMs !== undefined && now - this.#halfClosedMs >= lingerMs) {
      this.socket.destroy();
      return;
    }
    this.#lookAtHead(now, lostMs);
    this.#lookAtUpload(now, came);
    this.#lookAtResponses(now, went);
  }

  destroy(reason: CutOff): void {
    const current = this.#pending[0];
    this.#gone.abort(reason);
    // Without other framing, a response that ends cleanly looks complete.
    if (current?.out.endsWithConnection && !current.isTunnel) reset(this.socket);
    else this.socket.destroy();
  }

  /** Accepts no further requests. */
  #end(): void {
    this.#ending = true;
    this.#reader.stop();
  }

  /** Whether requests wait for responses. */
  get #isBusy(): boolean {
    return this.#pending.length > 0;
  }

  #begin(exchange: Exchange): Exchange {
    this.#farewell?.cancel();
    this.#farewell = undefined;
    this.#upload = undefined;
    this.#latest = exchange;
    if (this.#pending.push(exchange) === 1) exchange.becomeCurrent();
    // Every request costs memory.
    if (this.#pending.length >= maxWaiting) this.#end();
    this.side.began();
    return exchange;
  }

  #wantedTunnel(head: RequestHead): WantedTunnel | undefined {
    if (head.method === "CONNECT") return head.length === 0 ? { upgrade: undefined } : undefined;
    const upgrade = this.side.tunnels.wantedBy(head);
    return upgrade === undefined || head.length !== 0 ? undefined : { upgrade };
  }

  #refusalOf(head: RequestHead, wanted: WantedTunnel | undefined): Refusal | undefined {
    if (head.method === "CONNECT") {
      if (wanted === undefined) return { status: 400, reason: "a CONNECT request must not have a body" };
      if (!this.side.tunnels.connects) return { status: 501, reason: "CONNECT is not enabled" };
    } else if (wantsWebSocket(wanted?.upgrade) && head.headers.all("sec-websocket-key").length !== 1)
      return { status: 400, reason: "exactly one Sec-WebSocket-Key is required" };
    return undefined;
  }

  /** Ends the connection because of data that is not a request, or a malformed body. */
  #refuse(refusal: Refusal): void {
    if (this.isLingering) return;
    const latest = this.#latest;
    if (latest !== undefined && !latest.isComplete && !latest.out.isEnded) this.#refuseBody(latest, refusal);
    else if (this.#ending) return;
    else if (latest === undefined) {
      this.socket.write(bareResponse(refusal));
      this.#linger();
    }
    // With requests in flight the refusal would be mistaken for their response. They finish, and
    // nothing follows.
    this.#end();
    this.side.refused(refusal);
  }

  /** Refuses a malformed body of the latest request: its reader must not wait for the rest. */
  #refuseBody(latest: Exchange, refusal: Refusal): void {
    const { socket } = this;
    latest.breakOffBody();
    // A response after a part of another would be read as more of that one.
    if (this.#pending.length > 1 || latest.out.headSent || !socket.writable) socket.destroy();
    else socket.end(bareResponse(refusal), () => socket.destroy());
  }

  #clientEnded(): void {
    const { socket } = this;
    const latest = this.#latest;
    if (latest?.wantsTunnel) this.#tunnelEnded(latest);
    else if (this.#reader.isMidHead || (latest !== undefined && !latest.isComplete))
      this.#refuse({ status: 400, reason: "malformed request" });
    else if (this.#isBusy) {
      // It may wait for its responses, or be gone: that cannot be distinguished.
      this.#end();
      this.#halfClosedMs = this.#clock.now();
    }
    if (!this.#isBusy) socket.end();
  }

  #tunnelEnded(exchange: Exchange): void {
    // A client that has sent nothing since its request, and ends its half before the tunnel is
    // open, has no use for one.
    if (exchange.isTunnel || exchange.body?.hasBegun) exchange.completed(HttpHeaders.empty);
    else if (!this.isLingering) this.socket.destroy();
  }

  #lookAtHead(now: number, lostMs: number): void {
    const { heads, isMidHead } = this.#reader;
    if (this.#ending || (heads > 0 && !isMidHead)) this.#headSince = undefined;
    else if (this.#headSince === undefined || this.#head !== heads) {
      this.#head = heads;
      this.#headSince = now;
    } else {
      this.#headSince += lostMs;
      const { headMs } = this.side.limits;
      if (now - this.#headSince >= headMs)
        this.#refuse({ status: 408, reason: `request head not complete within ${headMs} ms` });
    }
  }

  #lookAtUpload(now: number, came: number): void {
    const upload = this.#upload;
    if (upload === undefined || this.isLingering) return;
    const why = upload.pace.look(now, upload.body.waits, came, this.side.limits.body);
    if (why === undefined) return;
    this.#upload = undefined;
    const refusal = { status: 408, reason: `the body ${why}` } as const;
    const { socket } = this;
    const latest = this.#latest;
    this.side.refused(refusal);
    this.#end();
    // After a part of a response, or before responses to other requests, the refusal would be
    // misread.
    const canBeTold =
      latest !== undefined && this.#pending.length === 1 && !latest.out.headSent && socket.writable;
    if (canBeTold) {
      socket.write(bareResponse(refusal));
      socket.end();
    }
    this.#gone.abort(new CutOff(refusal.reason));
    if (canBeTold) this.#linger(latest);
    else reset(socket);
  }

  #lookAtResponses(now: number, went: number): void {
    const { socket } = this;
    if (!this.#isBusy) {
      this.#taking.restart(went);
      return;
    }
    const why = this.#taking.look(now, socket.writableLength > 0, went, this.side.limits.response);
    if (why === undefined) return;
    this.#gone.abort(new CutOff(`reading the response ${why}`));
    reset(socket);
  }

  /** @param exchange The last one, whose request the client may still be sending. */
  #linger(exchange?: Exchange): void {
    const { socket } = this;
    if (this.isLingering || socket.destroyed) return;
    this.isLingering = true;
    socket.end();
    // A reader of the body continues; without one, the body is discarded.
    if (exchange?.body?.canRead) exchange.body.cancel();
    socket.resume();
    linger(socket, this.#clock, exchange?.isComplete === false);
  }

  #closed(): void {
    this.#farewell?.cancel();
    this.#turns.stop();
    this.#gone.abort(clientGone);
    for (const exchange of this.#pending.splice(0)) {
      exchange.closed();
      this.side.ended();
    }
  }
}

/** The head of a request that could not be read, for the refusal that answers it. */
const unread: RequestHead = {
  method: "GET",
  minor: 1,
  authority: "",
  path: "",
  query: "",
  headers: HttpHeaders.empty,
  length: undefined,
  persists: false,
  awaitsContinue: false,
  upgrade: undefined,
  te: undefined,
};

function stays(): void {}
