import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Clock, Timer } from "@pagoda/core";
import { CutOff } from "../../cut-off.ts";
import type { Peer } from "../../message.ts";
import { clientGone, type Connected, lingerMs, quietTooLong } from "../connections.ts";
import { Farewell } from "../farewell.ts";
import { Pace } from "../pace.ts";
import { peerOf } from "../peer.ts";
import { bareResponse } from "../refusal.ts";
import { reset } from "../reset.ts";
import type { Side } from "../side.ts";
import { received, sent } from "../wire.ts";
import type { IncomingBody } from "./incoming.ts";
import { Turns } from "./turns.ts";

/**
 * Maximum requests waiting for responses; also the maximum that may arrive while the connection is
 * ending.
 */
const maxWaiting = 1_000;

/**
 * How often the read of a client that still sends is extended by `lingerMs`: 30 s in total, as in
 * nginx.
 */
const maxRounds = 15;

/**
 * A client's HTTP/1.1 connection: the shared state of its requests, and its shutdown.
 *
 * Once it is ending, nothing that arrives counts as a request (RFC 9112, 9.6): after a refused
 * request, another parser might treat the following bytes as its body. It ends in two steps: the
 * server keeps reading from a client that is still sending, because otherwise the system would
 * discard the response together with the unread data.
 */
export class Connection implements Connected {
  readonly peer: Peer;
  readonly #socket: Socket;
  readonly #side: Side;
  readonly #clock: Clock;
  readonly #gone = new AbortController();
  /**
   * Responses in the order of their requests. Not a set: V8 keeps old tables of a changing set
   * alive, and with them all responses that they contained.
   */
  readonly #pending: ServerResponse[] = [];
  readonly turns: Turns = new Turns();
  #latest: ServerResponse | undefined;
  #ending = false;
  /** Requests that arrived while the connection was ending. */
  #ignored = 0;
  #lingering = false;
  /** Set while the connection is idle and the server drains. */
  #farewell: Farewell | undefined;
  /** Bytes transferred at the last check, and since when there have been no more. */
  #bytes = 0;
  #quietSince: number;
  /** The body of the latest request, if a limit applies to it. */
  #upload: { readonly body: IncomingBody; readonly pace: Pace } | undefined;
  /** The client's pace in reading responses since the connection was last idle. */
  readonly #taking = new Pace(0);

  constructor(socket: Socket, side: Side, clock: Clock) {
    this.#socket = socket;
    this.#side = side;
    this.#clock = clock;
    this.#quietSince = clock.now();
    this.peer = peerOf(socket);
    // The same applies to the map of a signal's listeners; a permanent one keeps the map unchanged.
    this.#gone.signal.addEventListener("abort", stays);
    socket.once("close", () => {
      this.#farewell?.cancel();
      this.turns.stop();
      this.#gone.abort(clientGone);
      for (const out of this.#pending.slice()) abandon(out);
    });
  }

  /**
   * Aborted when the client is gone or is cut off. All requests of a connection share one signal:
   * HTTP/1.1 clients can only cancel a request by closing the connection, and a controller per
   * request costs more than a layer.
   */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** Registers a request. Returns false when the connection is ending; the request is ignored. */
  begin(message: IncomingMessage, out: ServerResponse): boolean {
    // Every request costs memory, including ignored ones.
    if (this.#pending.length >= maxWaiting) this.#ending = true;
    if (this.#ending) {
      message.resume();
      if (++this.#ignored >= maxWaiting) this.#socket.destroy();
      return false;
    }
    this.#farewell?.cancel();
    this.#farewell = undefined;
    this.#upload = undefined;
    this.#pending.push(out);
    this.#latest = out;
    return true;
  }

  /** Applies the limits to this body of the latest request. */
  measure(body: IncomingBody): void {
    this.#upload = { body, pace: new Pace(received(this.#socket)) };
  }

  /** The response was sent, or never will be. */
  finished(out: ServerResponse): void {
    const at = this.#pending.indexOf(out);
    if (at >= 0) this.#pending.splice(at, 1);
    if (this.#latest === out) this.#latest = undefined;
    this.turns.over(out);
    if (this.#ending && this.#pending.length === 0) this.#linger();
  }

  /**
   * Whether the connection ends with the response that is about to be sent: there is no later
   * request, and either this one was not read to its end or no further request is accepted.
   */
  isLast(out: ServerResponse, draining: boolean): boolean {
    return out === this.#latest && (draining || this.#ending || !out.req.complete);
  }

  /** Ends the connection after this response, which announces the close. */
  endAfter(out: ServerResponse): void {
    this.#ending = true;
    out.shouldKeepAlive = false;
    this.#socket.destroySoon = () => this.#linger();
  }

  /**
   * Ends the connection because of data that is not a request, or a malformed body.
   *
   * @returns False when the connection is already ending; the data is ignored.
   */
  refuse(answer: string): boolean {
    if (this.#lingering) return false;
    const latest = this.#latest;
    if (latest !== undefined && !latest.req.complete && !latest.writableEnded)
      this.#refuseBody(latest, answer);
    else if (this.#ending) return false;
    else if (latest === undefined) {
      this.#socket.write(answer);
      this.#linger();
    }
    // With requests in flight the refusal would be mistaken for their response. They finish, and
    // nothing follows.
    this.#ending = true;
    return true;
  }

  /** Ends the connection because of the end of the latest request's body. */
  refuseLatest(answer: string): boolean {
    const latest = this.#latest;
    this.#ending = true;
    if (latest === undefined || latest.writableEnded) return false;
    this.#refuseBody(latest, answer);
    return true;
  }

  /** The response was sent on a socket that Node has handed over, which nothing else ends. */
  handedOver(out: ServerResponse): void {
    out.detachSocket(this.#socket);
    out.emit("close");
    this.#linger();
  }

  /**
   * The response was sent on such a socket, which returns to Node for the next request unless it
   * ends here.
   */
  givenBack(out: ServerResponse): boolean {
    if (this.#ending) {
      this.handedOver(out);
      return false;
    }
    out.detachSocket(this.#socket);
    out.emit("close");
    return !this.#socket.destroyed;
  }

  /** Whether requests wait for responses, before which nothing else can be sent. */
  get isBusy(): boolean {
    return this.#pending.length > 0;
  }

  /**
   * With a request in flight, its response announces the close. An idle connection closes after a
   * moment, in which requests that the client has already sent are still served. Later ones are
   * ignored.
   */
  drain(): void {
    const socket = this.#socket;
    if (this.isBusy || this.#ending || socket.destroyed) return;
    this.#farewell ??= new Farewell(
      this.#clock,
      () => socket.bytesRead,
      () => {
        this.#ending = true;
        this.#linger();
      },
    );
  }

  look(now: number, lostMs: number): void {
    this.#quietSince += lostMs;
    const { limits } = this.#side;
    const came = received(this.#socket);
    const went = sent(this.#socket);
    if (came + went !== this.#bytes) {
      this.#bytes = came + went;
      this.#quietSince = now;
    } else if (now - this.#quietSince >= (this.isBusy ? limits.quietMs : limits.idleMs)) {
      this.destroy(quietTooLong(this.isBusy ? limits.quietMs : limits.idleMs));
      return;
    }
    this.#lookAtUpload(now, came);
    this.#lookAtResponses(now, went);
  }

  destroy(reason: CutOff): void {
    const current = this.#pending[0];
    this.#gone.abort(reason);
    // Without other framing, a response that ends cleanly looks complete.
    if (current?.headersSent && current.req.httpVersionMinor === 0) reset(this.#socket);
    else this.#socket.destroy();
  }

  #lookAtUpload(now: number, came: number): void {
    const upload = this.#upload;
    if (upload === undefined || this.#lingering) return;
    const why = upload.pace.look(now, upload.body.waits, came, this.#side.limits.body);
    if (why === undefined) return;
    this.#upload = undefined;
    const refusal = { status: 408, reason: `the body ${why}` } as const;
    const socket = this.#socket;
    const latest = this.#latest;
    this.#side.refused(refusal);
    this.#ending = true;
    // After a part of a response, or before responses to other requests, the refusal would be
    // misread.
    const canBeTold =
      latest !== undefined && this.#pending.length === 1 && !latest.headersSent && socket.writable;
    if (canBeTold) socket.write(bareResponse(refusal));
    this.#gone.abort(new CutOff(refusal.reason));
    if (canBeTold) this.#linger();
    else reset(socket);
  }

  #lookAtResponses(now: number, went: number): void {
    const socket = this.#socket;
    if (!this.isBusy) {
      this.#taking.restart(went);
      return;
    }
    const why = this.#taking.look(now, socket.writableLength > 0, went, this.#side.limits.response);
    if (why === undefined) return;
    this.#gone.abort(new CutOff(`reading the response ${why}`));
    reset(socket);
  }

  /** Refuses a malformed body of the latest request: its reader must not wait for the rest. */
  #refuseBody(latest: ServerResponse, answer: string): void {
    const socket = this.#socket;
    // A response after a part of another would be read as more of that one.
    if (this.#pending.length > 1 || latest.headersSent || !socket.writable) socket.destroy();
    else socket.end(answer, () => socket.destroy());
  }

  #linger(): void {
    const socket = this.#socket;
    if (this.#lingering || socket.destroyed) return;
    this.#lingering = true;
    socket.end();
    // A reader of the body continues; without one, the body is discarded.
    const message = this.#latest?.req;
    if (message?.listenerCount("data") === 0) message.resume();
    socket.resume();
    const isUpload = message?.complete === false;
    let [bytes, rounds] = [socket.bytesRead, 0];
    const round = (): Timer => this.#clock.setTimer(lingerMs, over);
    // A slow upload must not be reset while it continues: its client would lose a response that it
    // has not read yet.
    const over = (): void => {
      if (!isUpload || socket.bytesRead === bytes || ++rounds === maxRounds) return void socket.destroy();
      bytes = socket.bytesRead;
      timer = round();
    };
    let timer = round();
    socket.once("close", () => this.#clock.clearTimer(timer));
  }
}

function stays(): void {}

/**
 * Ends a response without a connection. Node before 26 does not end responses that waited for their
 * turn.
 */
function abandon(out: ServerResponse): void {
  out.destroy();
  out.emit("close");
}
