import type { Socket } from "node:net";
import type { Limits } from "../client-limits.ts";
import { quietTooLong } from "../connections.ts";
import { Pace } from "../pace.ts";
import { received, sent } from "../socket-bytes.ts";
import type { IncomingBody } from "../incoming-body.ts";

/** A limit that a client has violated. */
export interface Violation {
  readonly limit: "quiet" | "head" | "body" | "response";
  readonly reason: string;
}

/** What a connection is doing when its client's pace is checked. */
export interface Activity {
  readonly limits: Limits;
  /** Whether requests wait for responses. */
  readonly isBusy: boolean;
  /** Number of the head that is incomplete; `undefined` if none is. */
  readonly head: number | undefined;
}

/**
 * Applies the time limits of a connection's client at periodic checks, so that requests and chunks
 * need no timers.
 */
export class ClientPace {
  readonly #socket: Socket;
  /** Bytes transferred at the last check, and since when there have been no more. */
  #bytes = 0;
  #quietSince: number;
  /** The head that was incomplete at the last check, and since when. */
  #head: number | undefined = 0;
  #headSince: number;
  #upload: { readonly body: IncomingBody; readonly pace: Pace } | undefined;
  /** How the client reads responses since the connection was last idle. */
  readonly #reading = new Pace(0);

  constructor(socket: Socket, now: number) {
    this.#socket = socket;
    this.#quietSince = now;
    this.#headSince = now;
  }

  /** Applies the limits of bodies to this one; to none without an argument. */
  measure(body?: IncomingBody): void {
    this.#upload = body && { body, pace: new Pace(received(this.#socket)) };
  }

  /** @param lostMs How long the process was held up and could not check. */
  look(now: number, lostMs: number, activity: Activity): Violation | undefined {
    const came = received(this.#socket);
    const went = sent(this.#socket);
    return (
      this.#lookAtTraffic(now, lostMs, came + went, activity) ??
      this.#lookAtHead(now, lostMs, activity) ??
      this.#lookAtBody(now, came, activity) ??
      this.#lookAtResponses(now, went, activity)
    );
  }

  #lookAtTraffic(
    now: number,
    lostMs: number,
    bytes: number,
    { limits, isBusy }: Activity,
  ): Violation | undefined {
    this.#quietSince += lostMs;
    const limitMs = isBusy ? limits.quietMs : limits.idleMs;
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#quietSince = now;
    } else if (now - this.#quietSince >= limitMs) return { limit: "quiet", reason: quietTooLong(limitMs) };
    return undefined;
  }

  #lookAtHead(now: number, lostMs: number, { limits: { headMs }, head }: Activity): Violation | undefined {
    this.#headSince += lostMs;
    if (head !== this.#head) {
      this.#head = head;
      this.#headSince = now;
    } else if (head !== undefined && now - this.#headSince >= headMs)
      return { limit: "head", reason: `request head not complete within ${headMs} ms` };
    return undefined;
  }

  #lookAtBody(now: number, came: number, { limits }: Activity): Violation | undefined {
    if (this.#upload === undefined) return undefined;
    const { body, pace } = this.#upload;
    const why = pace.look(now, body.waits, came, limits.body);
    return why === undefined ? undefined : { limit: "body", reason: `the body ${why}` };
  }

  #lookAtResponses(now: number, went: number, { limits, isBusy }: Activity): Violation | undefined {
    if (!isBusy) {
      this.#reading.restart(went);
      return undefined;
    }
    const why = this.#reading.look(now, this.#socket.writableLength > 0, went, limits.response);
    return why === undefined ? undefined : { limit: "response", reason: `reading the response ${why}` };
  }
}
