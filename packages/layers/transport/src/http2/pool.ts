import type { HttpRequest } from "@pagoda/http";
import type { Origin, Result } from "../call.ts";
import type { ConnectionTerms } from "../connection-terms.ts";
import { type CallTerms, Http2Call } from "./call.ts";
import { Deadlines } from "../deadlines.ts";
import { countTry } from "../pool.ts";
import { requestFields } from "./request-fields.ts";
import { Session } from "./session.ts";

/** HTTP/2 connections to one origin. Each takes as many calls as the origin allows. */
export class Http2Pool {
  readonly #callTerms: CallTerms;
  readonly #terms: ConnectionTerms;
  readonly #keepAliveMs: number;
  readonly #sessions: Session[] = [];
  #resent = 0;
  #closing: PromiseWithResolvers<void> | undefined;

  constructor(origin: Origin, terms: ConnectionTerms, keepAliveMs: number) {
    const { headersTimeoutMs } = origin;
    const deadlines = headersTimeoutMs === 0 ? undefined : new Deadlines(headersTimeoutMs);
    this.#callTerms = {
      origin,
      idleTimeoutMs: terms.idleTimeoutMs,
      headers: { headersTimeoutMs, deadlines },
    };
    this.#terms = terms;
    this.#keepAliveMs = keepAliveMs;
  }

  /** Numbers of open and idle connections and of resent calls. */
  get counts(): { readonly connections: number; readonly idle: number; readonly resent: number } {
    const connected = this.#sessions.filter((session) => session.isConnected);
    return {
      connections: connected.length,
      idle: connected.filter(({ streams }) => streams === 0).length,
      resent: this.#resent,
    };
  }

  /**
   * Sends a request over the first connection with capacity.
   *
   * @param settle Receives the result or rejection, once.
   * @param over Called once the stream has closed.
   * @throws Unsendable before anything is sent.
   */
  call(
    request: HttpRequest,
    signal: AbortSignal | undefined,
    settle: (result: Result | Promise<never>) => void,
    over: () => void,
  ): void {
    const head = requestFields(request);
    this.#send(new Http2Call(this.#callTerms, request, head, signal, settle, over));
  }

  readonly #send = (call: Http2Call): void => {
    (this.#sessions.find((session) => session.takes()) ?? this.#open()).start(call);
  };

  /** Lets calls in flight finish, then closes the connections. */
  close(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing.promise;
    this.#closing = Promise.withResolvers();
    for (const session of this.#sessions.slice()) session.close();
    if (this.#sessions.length === 0) this.#closing.resolve();
    return this.#closing.promise;
  }

  #open(): Session {
    const session = new Session(this.#terms, this.#keepAliveMs, {
      again: this.#send,
      resent: (call) => {
        this.#resent++;
        countTry(call.request);
        this.#send(call);
      },
      gone: () => this.#gone(session),
    });
    this.#sessions.push(session);
    return session;
  }

  #gone(session: Session): void {
    const at = this.#sessions.indexOf(session);
    if (at >= 0) this.#sessions.splice(at, 1);
    if (this.#sessions.length === 0) this.#closing?.resolve();
  }
}
