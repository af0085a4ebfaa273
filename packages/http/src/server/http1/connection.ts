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

/** Requests that may wait for their answers at once; also, how many may come when none counts any more. */
const maxWaiting = 1_000;

/** How many times a client that still sends is read for `lingerMs` more: 30 s in all, as nginx does. */
const maxRounds = 15;

/**
 * A client's connection: what its requests have in common, and how it ends.
 *
 * Once it is ending, nothing that comes is a request any more (RFC 9112, 9.6): after a refused request, what follows
 * may be what another reader takes for its body. It ends in two steps: a client that is still sending is read for a
 * while, or the system throws the response away together with what was not read.
 */
export class Connection implements Connected {
  readonly peer: Peer;
  readonly #socket: Socket;
  readonly #side: Side;
  readonly #clock: Clock;
  readonly #gone = new AbortController();
  /**
   * In the order of their requests. A set would do, but sets that change all the time are kept alive by what they
   * were before, in V8, and with them all responses that were in them.
   */
  readonly #pending: ServerResponse[] = [];
  readonly turns: Turns = new Turns();
  #latest: ServerResponse | undefined;
  #ending = false;
  /** Requests that came when it was ending. */
  #ignored = 0;
  #lingering = false;
  /** It is idle while the server drains. */
  #farewell: Farewell | undefined;
  /** Bytes that had passed when it was last looked after, and since when there are no more. */
  #bytes = 0;
  #quietSince: number;
  /** The body of the latest request, where its client has a limit for it. */
  #upload: { readonly body: IncomingBody; readonly pace: Pace } | undefined;
  /** How its client takes responses, since it was last idle. */
  readonly #taking = new Pace(0);

  constructor(socket: Socket, side: Side, clock: Clock) {
    this.#socket = socket;
    this.#side = side;
    this.#clock = clock;
    this.#quietSince = clock.now();
    this.peer = peerOf(socket);
    // The same holds for the map in which a signal keeps its listeners; one that stays makes it stay as it is.
    this.#gone.signal.addEventListener("abort", stays);
    socket.once("close", () => {
      this.#farewell?.cancel();
      this.turns.stop();
      this.#gone.abort(clientGone);
      for (const out of this.#pending.slice()) abandon(out);
    });
  }

  /**
   * Aborted when the client has gone, or is cut off. One signal serves all requests of a connection: HTTP/1.1 has no other way to
   * take back a request than to close, and a controller for each costs more than a layer.
   */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** Takes note of a request. `false`: it is none any more, and nothing answers it. */
  begin(message: IncomingMessage, out: ServerResponse): boolean {
    // Each costs memory, and so do those that are ignored.
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

  /** The client has to send this body, of the latest request, quickly enough. */
  measure(body: IncomingBody): void {
    this.#upload = { body, pace: new Pace(received(this.#socket)) };
  }

  /** The response has gone out, or will not. */
  finished(out: ServerResponse): void {
    const at = this.#pending.indexOf(out);
    if (at >= 0) this.#pending.splice(at, 1);
    if (this.#latest === out) this.#latest = undefined;
    this.turns.over(out);
    if (this.#ending && this.#pending.length === 0) this.#linger();
  }

  /**
   * Whether the connection ends with the response that is about to be sent: there is no later request, and it was
   * not read to its end, or nothing further is to come.
   */
  isLast(out: ServerResponse, draining: boolean): boolean {
    return out === this.#latest && (draining || this.#ending || !out.req.complete);
  }

  /** The response says that it is the last one. */
  endAfter(out: ServerResponse): void {
    this.#ending = true;
    out.shouldKeepAlive = false;
    this.#socket.destroySoon = () => this.#linger();
  }

  /**
   * Ends because of something that is not a request, or of a malformed body.
   *
   * @returns `false` when it is ending already, and nothing that comes counts.
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
    // With requests under way it would be taken for an answer to them: they finish, and nothing comes after them.
    this.#ending = true;
    return true;
  }

  /** Ends because of what has come at the end of the latest request's body. */
  refuseLatest(answer: string): boolean {
    const latest = this.#latest;
    this.#ending = true;
    if (latest === undefined || latest.writableEnded) return false;
    this.#refuseBody(latest, answer);
    return true;
  }

  /** The response is out on a socket that Node has handed over: nobody else ends it. */
  handedOver(out: ServerResponse): void {
    out.detachSocket(this.#socket);
    out.emit("close");
    this.#linger();
  }

  /** The response is out on such a socket, which goes back to Node for the next request, unless it ends here. */
  givenBack(out: ServerResponse): boolean {
    if (this.#ending) {
      this.handedOver(out);
      return false;
    }
    out.detachSocket(this.#socket);
    out.emit("close");
    return !this.#socket.destroyed;
  }

  /** Whether requests wait for their answers: nothing else can be said on the connection before. */
  get isBusy(): boolean {
    return this.#pending.length > 0;
  }

  /**
   * With a request under way, the answer says that the connection closes. An idle one is closed after a moment, in which
   * what the client has sent already is still served. What comes later is not a request any more.
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
    // Where nothing else delimits it, a response that ends properly looks complete.
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
    // After a part of a response, or before those to other requests, it would be taken for something else.
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
    this.#gone.abort(new CutOff(`the reading of the response ${why}`));
    reset(socket);
  }

  /** The body of the latest request is malformed: its reader must not wait for the rest. */
  #refuseBody(latest: ServerResponse, answer: string): void {
    const socket = this.#socket;
    // An answer after a part of another would be taken for more of that one.
    if (this.#pending.length > 1 || latest.headersSent || !socket.writable) socket.destroy();
    else socket.end(answer, () => socket.destroy());
  }

  #linger(): void {
    const socket = this.#socket;
    if (this.#lingering || socket.destroyed) return;
    this.#lingering = true;
    socket.end();
    // Whoever still reads the body goes on; otherwise it is thrown away.
    const message = this.#latest?.req;
    if (message?.listenerCount("data") === 0) message.resume();
    socket.resume();
    const isUpload = message?.complete === false;
    let [bytes, rounds] = [socket.bytesRead, 0];
    const round = (): Timer => this.#clock.setTimer(lingerMs, over);
    // A slow upload must not be reset while it goes on: its client would lose an answer that it has not read yet.
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

/** Ends a response that has no connection any more. Node before 26 forgets those that waited for their turn. */
function abandon(out: ServerResponse): void {
  out.destroy();
  out.emit("close");
}
