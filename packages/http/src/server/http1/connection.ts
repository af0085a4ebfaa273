import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { AbortSource, type Clock } from "@pagoda/core";
import { CutOff } from "../../cut-off.ts";
import { HttpHeaders } from "../../headers.ts";
import type { Peer } from "../../message.ts";
import { clientGone, type Connected, lingerMs } from "../connections.ts";
import { IdleGrace } from "../idle-grace.ts";
import { peerOf } from "../peer.ts";
import { bareResponse, type Refusal } from "../refusal.ts";
import { reset } from "../reset.ts";
import type { ServerContext } from "../server-context.ts";
import { ClientPace, type Violation } from "./client-pace.ts";
import { Exchange, type ExchangeConnection } from "./exchange.ts";
import { linger } from "./linger.ts";
import { MalformedRequest } from "./malformed-request.ts";
import { type RequestHead, unread } from "./request-head.ts";
import { type RequestHandler, RequestReader } from "./request-reader.ts";
import { tunnelRefusal, wantedTunnel } from "./tunnel-request.ts";
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
  readonly server: ServerContext;
  readonly peer: Peer;
  isLingering = false;
  readonly #clock: Clock;
  readonly #reader: RequestReader = new RequestReader(this);
  readonly #turns: Turns = new Turns();
  readonly #gone = new AbortSource();
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
  #idleGrace: IdleGrace | undefined;
  /** When the client ended its half while calls were in flight. */
  #halfClosedMs: number | undefined;
  readonly #pace: ClientPace;

  constructor(socket: Socket, server: ServerContext, clock: Clock) {
    this.socket = socket;
    this.server = server;
    this.#clock = clock;
    this.#pace = new ClientPace(socket, clock.now());
    this.peer = peerOf(socket);
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
    const { tunnels } = this.server;
    const wanted = wantedTunnel(head, tunnels);
    const exchange = this.#begin(new Exchange(this, head, wanted));
    const refusal = tunnelRefusal(head, wanted, tunnels);
    if (refusal !== undefined) exchange.refuse(refusal);
    else {
      if (exchange.measured !== undefined) this.#pace.measure(exchange.measured);
      this.#turns.add(exchange);
    }
    return wanted !== undefined;
  }

  refused(refusal: Refusal): void {
    this.#begin(new Exchange(this, unread, undefined)).refuse(refusal);
  }

  data(chunk: Buffer): void {
    this.#latest?.arrived(chunk);
  }

  complete(trailers: HttpHeaders): void {
    this.#latest?.completed(trailers);
  }

  // What exchanges need.

  isLast(exchange: Exchange): boolean {
    if (exchange === this.#last) return true;
    if (exchange !== this.#latest) return false;
    // Unless the request was read to its end, another one cannot follow.
    return this.server.draining || this.#ending || !exchange.isComplete;
  }

  endAfter(exchange: Exchange): void {
    this.#last ??= exchange;
    this.#end();
  }

  readonly responseSent = (): void => {
    const exchange = this.#pending[0];
    if (this.socket.destroyed || exchange === undefined) return;
    this.#pending.shift();
    // The rest of its body may have a reader.
    if (this.#latest === exchange && exchange.isComplete) this.#latest = undefined;
    this.#turns.over(exchange);
    if (exchange === this.#last || (this.#ending && !this.#isBusy)) this.#linger(exchange);
    else this.#pending[0]?.becomeCurrent();
    if (this.server.draining) this.drain();
    this.server.ended();
  };

  /**
   * With a request in flight, its response announces the close. An idle connection closes after a
   * moment, in which requests that the client has already sent are still served. Later ones are
   * ignored.
   */
  drain(): void {
    const { socket } = this;
    if (this.#isBusy || this.#ending || socket.destroyed) return;
    this.#idleGrace ??= new IdleGrace(
      this.#clock,
      () => socket.bytesRead,
      () => {
        this.#end();
        this.#linger();
      },
    );
  }

  look(now: number, lostMs: number): void {
    if (this.#halfClosedMs !== undefined && now - this.#halfClosedMs >= lingerMs) {
      this.socket.destroy();
      return;
    }
    const isReadingHead = !this.#ending && (this.#reader.heads === 0 || this.#reader.isMidHead);
    const violation = this.#pace.look(now, lostMs, {
      limits: this.server.limits,
      isBusy: this.#isBusy,
      head: isReadingHead ? this.#reader.heads : undefined,
    });
    if (violation !== undefined) this.#violated(violation);
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
    this.#idleGrace?.cancel();
    this.#idleGrace = undefined;
    this.#pace.measure();
    this.#latest = exchange;
    if (this.#pending.push(exchange) === 1) exchange.becomeCurrent();
    // Every request costs memory.
    if (this.#pending.length >= maxWaiting) this.#end();
    this.server.began();
    return exchange;
  }

  /** Ends the connection because of data that is not a request, or a malformed body. */
  #refuse(refusal: Refusal): void {
    const latest = this.#latest;
    if (this.isLingering) {
      latest?.breakOffBody();
      return;
    }
    if (latest !== undefined && !latest.isComplete && !latest.out.isEnded) {
      this.#refuseBody(latest, refusal);
      return;
    }
    if (this.#ending) return;
    if (latest === undefined) {
      this.socket.write(bareResponse(refusal));
      this.#linger();
    }
    // With requests in flight the refusal would be mistaken for their response. They finish, and
    // nothing follows.
    this.#end();
    this.server.refused(refusal);
  }

  /** Refuses a malformed body of the latest request: its reader must not wait for the rest. */
  #refuseBody(latest: Exchange, refusal: Refusal): void {
    this.#pace.measure();
    this.#turns.drop(latest);
    latest.breakOffBody();
    if (!latest.out.headSent) {
      latest.refuse(refusal);
      // Those before it are still answered.
      if (this.#pending.length === 1) this.#gone.abort(new CutOff(refusal.reason));
      return;
    }
    this.#end();
    latest.out.cut();
    this.server.refused(refusal);
  }

  #clientEnded(): void {
    const { socket } = this;
    const latest = this.#latest;
    if (latest?.wantsTunnel && !latest.hasContentToCome) this.#tunnelEnded(latest);
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
    if (exchange.isTunnel || exchange.body?.hasBegun)
      this.#unlessReset(() => exchange.completed(HttpHeaders.empty));
    else if (!this.isLingering) this.socket.destroy();
  }

  /**
   * On Node 22, a reset right after data looks like an end. Then this write fails, and closes the
   * connection, within this turn of the event loop.
   */
  #unlessReset(then: () => void): void {
    const { socket } = this;
    if (!socket.writableEnded && !(socket instanceof TLSSocket)) socket.write("");
    // oxlint-disable-next-line pagoda/injected-clock
    setImmediate(() => {
      if (!socket.destroyed) then();
    });
  }

  /** Ends a connection whose client is too slow. */
  #violated({ limit, reason }: Violation): void {
    const { socket } = this;
    switch (limit) {
      case "quiet":
        this.destroy(new CutOff(reason));
        return;
      case "head":
        this.#refuse({ status: 408, reason });
        return;
      case "body":
        this.#refuseUpload({ status: 408, reason });
        return;
      case "response":
        this.#gone.abort(new CutOff(reason));
        reset(socket);
    }
  }

  #refuseUpload(refusal: Refusal): void {
    this.#pace.measure();
    const { socket } = this;
    const latest = this.#latest;
    this.server.refused(refusal);
    this.#end();
    // After a part of a response, or before responses to other requests, the refusal would be
    // misread.
    const canBeTold =
      latest !== undefined && this.#pending.length === 1 && !latest.out.headSent && socket.writable;
    if (canBeTold) socket.end(bareResponse(refusal));
    this.#gone.abort(new CutOff(refusal.reason));
    if (canBeTold) this.#linger(latest);
    else reset(socket);
  }

  /** @param exchange The last one, whose request the client may still be sending. */
  #linger(exchange?: Exchange): void {
    const { socket } = this;
    if (this.isLingering || socket.destroyed) return;
    this.isLingering = true;
    this.#pace.measure();
    socket.end();
    // A reader of the body continues; without one, the body is discarded.
    exchange?.discardUnread();
    socket.resume();
    linger(socket, this.#clock, exchange?.isComplete === false);
  }

  #closed(): void {
    this.#idleGrace?.cancel();
    this.#turns.stop();
    this.#gone.abort(clientGone);
    this.#latest?.breakOffBody();
    for (const exchange of this.#pending.splice(0)) {
      exchange.closed();
      this.server.ended();
    }
  }
}
