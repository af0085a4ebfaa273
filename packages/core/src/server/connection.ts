import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Clock, Timer } from "../clock.ts";
import type { Peer } from "../http/message.ts";

/** Without a byte while a request is under way. */
const streamIdleMs = 300_000;
/** Without a byte between requests. */
const connectionIdleMs = 3_600_000;
/** How often they are looked after: a timer for each connection would be set anew with every chunk. */
const sweepMs = 30_000;
/** Requests that may wait for their answers at once; also, how many may come when none counts any more. */
const maxWaiting = 1_000;
/** How long a client that still sends is read after the last response. */
const lingerMs = 2_000;

/** The open connections of a server. */
export class Connections {
  readonly #clock: Clock;
  readonly #bySocket = new Map<Socket, Connection>();
  #sweep: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#bySocket.size;
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#bySocket.values();
  }

  /** `undefined` when it has closed. */
  of(socket: Socket): Connection | undefined {
    return this.#bySocket.get(socket);
  }

  /** @param closed Called when it has gone. */
  add(socket: Socket, closed: () => void): void {
    this.#bySocket.set(socket, new Connection(socket, this.#clock));
    this.#sweep ??= this.#clock.setTimer(sweepMs, this.#look);
    socket.once("close", () => {
      this.#bySocket.delete(socket);
      if (this.size === 0) this.#rest();
      closed();
    });
  }

  /** Sockets flush what was written to them before they close. */
  async allClosed(): Promise<void> {
    await Promise.all([...this].map((connection) => connection.closed));
  }

  readonly #look = (): void => {
    this.#sweep = this.#clock.setTimer(sweepMs, this.#look);
    const now = this.#clock.now();
    for (const connection of this) connection.look(now);
  };

  #rest(): void {
    if (this.#sweep !== undefined) this.#clock.clearTimer(this.#sweep);
    this.#sweep = undefined;
  }
}

/**
 * A client's connection: what its requests have in common, and how it ends.
 *
 * Once it is ending, nothing that comes is a request any more (RFC 9112, 9.6): after a refused request, what follows
 * may be what another reader takes for its body. It ends in two steps: a client that is still sending is read for a
 * while, or the system throws the response away together with what was not read.
 */
export class Connection {
  readonly peer: Peer;
  /** Settles when the socket has closed. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #gone = new AbortController();
  /**
   * In the order of their requests. A set would do, but sets that change all the time are kept alive by what they
   * were before, in V8, and with them all responses that were in them.
   */
  readonly #pending: ServerResponse[] = [];
  #latest: ServerResponse | undefined;
  #ending = false;
  /** Requests that came when it was ending. */
  #ignored = 0;
  #lingering = false;
  /** Bytes that had passed when it was last looked after, and since when there are no more. */
  #bytes = 0;
  #quietSince: number;

  constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.#quietSince = clock.now();
    this.peer = { address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 };
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    // The same holds for the map in which a signal keeps its listeners; one that stays makes it stay as it is.
    this.#gone.signal.addEventListener("abort", stays);
    socket.once("close", () => {
      this.#gone.abort(new Error("the client has gone"));
      for (const out of this.#pending.slice()) abandon(out);
      resolve();
    });
  }

  /**
   * Aborted when the client has gone. One signal serves all requests of a connection: HTTP/1.1 has no other way to
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
    this.#pending.push(out);
    this.#latest = out;
    return true;
  }

  /** The response has gone out, or will not. */
  finished(out: ServerResponse): void {
    const at = this.#pending.indexOf(out);
    if (at >= 0) this.#pending.splice(at, 1);
    if (this.#latest === out) this.#latest = undefined;
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

  /** Ends because of a CONNECT. Node has handed over the socket, and what was under way on it cannot finish. */
  refuseTunnel(answer: string): void {
    this.#socket.on("error", () => {});
    if (this.#pending.length > 0) this.#socket.destroy();
    else this.refuse(answer);
  }

  /** Closes when no request is under way. */
  closeIfIdle(): void {
    if (this.#pending.length === 0 && !this.#ending) this.#socket.destroySoon();
  }

  /** Closes when it has been quiet for too long. */
  look(now: number): void {
    const bytes = this.#socket.bytesRead + this.#socket.bytesWritten - unsent(this.#socket);
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#quietSince = now;
    } else if (now - this.#quietSince >= (this.#pending.length > 0 ? streamIdleMs : connectionIdleMs)) {
      this.#socket.destroy();
    }
  }

  destroy(): void {
    this.#socket.destroy();
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
    const timer = this.#clock.setTimer(lingerMs, () => socket.destroy());
    socket.once("close", () => this.#clock.clearTimer(timer));
  }
}

function stays(): void {}

/** Bytes that count as written and wait: a long response is given to the socket at once, and may take minutes. */
function unsent(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly writeQueueSize: number } };
  return handle?.writeQueueSize ?? 0;
}

/** Ends a response that has no connection any more. Node before 26 forgets those that waited for their turn. */
function abandon(out: ServerResponse): void {
  out.destroy();
  out.emit("close");
}
