import type { Socket } from "node:net";
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
import { Pipeline } from "./pipeline.ts";
import { type RequestHead, unread } from "./request-head.ts";
import { type RequestHandler, RequestReader } from "./request-reader.ts";
import { tunnelRefusal, wantedTunnel } from "./tunnel-request.ts";

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
  readonly #requests: Pipeline = new Pipeline();
  readonly #gone = new AbortSource();
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
      .on("drain", () => this.#requests.current?.drained())
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
    this.#requests.startNext();
    if (refusal !== undefined) this.#refuse(refusal);
    if (this.#reader.dropped > maxDroppedBytes && !this.#requests.isSent) this.socket.destroy();
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
      this.#requests.schedule(exchange);
    }
    return wanted !== undefined;
  }

  refused(refusal: Refusal): void {
    this.#begin(new Exchange(this, unread, undefined)).refuse(refusal);
  }

  data(chunk: Buffer): void {
    this.#requests.latest?.arrived(chunk);
  }

  complete(trailers: HttpHeaders): void {
    this.#requests.latest?.completed(trailers);
  }

  // What exchanges need.

  isLast(exchange: Exchange): boolean {
    if (exchange === this.#requests.last) return true;
    if (exchange !== this.#requests.latest) return false;
    // Unless the request was read to its end, another one cannot follow.
    return this.server.draining || this.#ending || !exchange.isComplete;
  }

  endAfter(exchange: Exchange): void {
    this.#requests.endAfter(exchange);
    this.#end();
  }

  readonly responseSent = (): void => {
    const exchange = this.#requests.current;
    if (this.socket.destroyed || exchange === undefined) return;
    this.#requests.shift(exchange);
    if (exchange === this.#requests.last || (this.#ending && !this.#requests.isBusy)) this.#linger(exchange);
    else this.#requests.current?.becomeCurrent();
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
    if (this.#requests.isBusy || this.#ending || socket.destroyed) return;
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
      isBusy: this.#requests.isBusy,
      head: isReadingHead ? this.#reader.heads : undefined,
    });
    if (violation !== undefined) this.#violated(violation);
  }

  destroy(reason: CutOff): void {
    const { current } = this.#requests;
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

  #begin(exchange: Exchange): Exchange {
    this.#idleGrace?.cancel();
    this.#idleGrace = undefined;
    this.#pace.measure();
    this.#requests.add(exchange);
    if (this.#requests.isFull) this.#end();
    this.server.began();
    return exchange;
  }

  /** Ends the connection because of data that is not a request, or a malformed body. */
  #refuse(refusal: Refusal): void {
    const { latest } = this.#requests;
    if (this.isLingering) return latest?.breakOffBody();
    if (latest !== undefined && !latest.isComplete && !latest.out.isEnded)
      return this.#refuseBody(latest, refusal);
    if (this.#ending) return;
    if (latest === undefined) {
      this.socket.write(bareResponse(refusal));
      this.#linger();
    }
    // With requests in flight the refusal would be mistaken for their response. They finish, and
    // nothing follows.
    this.#end();
    this.server.refused(refusal, this.peer);
  }

  /** Refuses a malformed body of the latest request: its reader must not wait for the rest. */
  #refuseBody(latest: Exchange, refusal: Refusal): void {
    this.#pace.measure();
    this.#requests.cancel(latest);
    latest.breakOffBody();
    if (!latest.out.headSent) {
      latest.refuse(refusal);
      // Those before it are still answered.
      if (this.#requests.length === 1) this.#gone.abort(new CutOff(refusal.reason));
      return;
    }
    this.#end();
    latest.out.cut();
    this.server.refused(refusal, this.peer);
  }

  #clientEnded(): void {
    const { socket } = this;
    const { latest } = this.#requests;
    if (latest?.wantsTunnel && !latest.hasContentToCome) latest.tunnelEnded();
    else if (this.#reader.isMidHead || (latest !== undefined && !latest.isComplete))
      this.#refuse({ status: 400, reason: "malformed request" });
    else if (this.#requests.isBusy) {
      // It may wait for its responses, or be gone: that cannot be distinguished.
      this.#end();
      this.#halfClosedMs = this.#clock.now();
    }
    if (!this.#requests.isBusy) socket.end();
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
    const { latest } = this.#requests;
    this.server.refused(refusal, this.peer, latest?.out.isEnded === false);
    this.#end();
    // After a part of a response, or before responses to other requests, the refusal would be
    // misread.
    const canBeTold =
      latest !== undefined && this.#requests.length === 1 && !latest.out.headSent && socket.writable;
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
    this.#requests.stop();
    this.#gone.abort(clientGone);
    this.#requests.latest?.breakOffBody();
    for (const exchange of this.#requests.clear()) {
      exchange.closed();
      this.server.ended();
    }
  }
}
