import { systemClock, type Timer } from "@pagoda/core";
import { type HttpRequest, noteEvent } from "@pagoda/http";
import { Call, type Origin, type Result } from "./call.ts";
import type { ConnectionTerms } from "./connection-terms.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import { Deadlines } from "./deadlines.ts";
import { requestHead } from "./request-head.ts";

/** How long before the origin's own timeout a connection is no longer used. */
const marginMs = 1_000;
/** Maximum idle time of a connection, whatever the origin says. */
const maxKeepAliveMs = 600_000;

/**
 * HTTP/1.1 connections to one origin, each used by one call at a time. The most recently used one
 * is taken first, so that under low load the others expire and are closed.
 */
export class Pool implements ConnectionOwner {
  readonly #origin: Origin;
  readonly #terms: ConnectionTerms;
  readonly #keepAliveMs: number;
  readonly #deadlines: Deadlines | undefined;
  /** Unused connections. Those still connecting come first, and so are taken last. */
  readonly #unused: Connection[] = [];
  readonly #all = new Set<Connection>();
  #resent = 0;
  #timer: Timer | undefined;
  #closing: PromiseWithResolvers<void> | undefined;

  constructor(origin: Origin, terms: ConnectionTerms, keepAliveMs: number) {
    this.#origin = origin;
    this.#terms = terms;
    this.#keepAliveMs = keepAliveMs;
    const { headersTimeoutMs } = terms;
    this.#deadlines = headersTimeoutMs === 0 ? undefined : new Deadlines(headersTimeoutMs);
  }

  /** Numbers of open and idle connections and of resent calls. */
  get counts(): { readonly connections: number; readonly idle: number; readonly resent: number } {
    return {
      connections: countConnected(this.#all),
      idle: countConnected(this.#unused),
      resent: this.#resent,
    };
  }

  /**
   * Sends a request over an unused connection.
   *
   * @param settle Takes the result, or the rejection: once.
   * @param over The call has no connection any more: once.
   * @throws Unsendable before anything is sent.
   */
  call(
    request: HttpRequest,
    signal: AbortSignal | undefined,
    settle: (result: Result | Promise<never>) => void,
    over: () => void,
  ): void {
    const call = new Call(this.#origin, request, requestHead(request), signal, settle, over);
    // A tunnel must not be resent if a kept connection turns out stale, and never returns its
    // connection.
    if (call.head.tunnel !== undefined) return this.#open().start(call);
    let connection = this.#unused.pop();
    if (connection !== undefined && connection.connected && connection.expiresAt <= systemClock.now()) {
      // The most recently used one has expired, so all have.
      connection.destroy();
      this.#closeExpired();
      connection = this.#unused.pop();
    }
    (connection ?? this.#open()).start(call);
  }

  again(call: Call): void {
    this.#resent++;
    countTry(call.request);
    this.#open().start(call);
  }

  free(connection: Connection): void {
    if (this.#closing !== undefined) return connection.destroy();
    if (!connection.connected) {
      this.#unused.unshift(connection);
      return;
    }
    const { keepAliveMs } = connection;
    const ms =
      keepAliveMs === undefined ? this.#keepAliveMs : Math.min(keepAliveMs - marginMs, maxKeepAliveMs);
    if (ms <= 0) return connection.destroy();
    connection.expiresAt = systemClock.now() + ms;
    this.#unused.push(connection);
    this.#timer ??= this.#watch(ms);
  }

  gone(connection: Connection): void {
    this.#all.delete(connection);
    const at = this.#unused.indexOf(connection);
    if (at >= 0) this.#unused.splice(at, 1);
    if (this.#closing !== undefined && this.#all.size === 0) this.#closing.resolve();
  }

  /** Lets calls in flight finish, then closes the connections. */
  close(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing.promise;
    this.#closing = Promise.withResolvers();
    if (this.#timer !== undefined) systemClock.clearTimer(this.#timer);
    for (const connection of this.#unused.slice()) connection.destroy();
    if (this.#all.size === 0) this.#closing.resolve();
    return this.#closing.promise;
  }

  #open(): Connection {
    const connection = new Connection(this.#terms, this, this.#deadlines);
    this.#all.add(connection);
    return connection;
  }

  readonly #closeExpired = (): void => {
    const now = systemClock.now();
    let next = Infinity;
    for (const connection of this.#unused.slice()) {
      if (!connection.connected) continue;
      if (connection.expiresAt <= now) connection.destroy();
      else next = Math.min(next, connection.expiresAt);
    }
    if (this.#timer !== undefined) systemClock.clearTimer(this.#timer);
    this.#timer = next === Infinity ? undefined : this.#watch(next - now);
  };

  #watch(ms: number): Timer {
    const timer = systemClock.setTimer(Math.ceil(ms), this.#closeExpired);
    // Idle connections must not keep the process running.
    (timer as NodeJS.Timeout).unref();
    return timer;
  }
}

function countConnected(connections: Iterable<Connection>): number {
  let count = 0;
  for (const { connected } of connections) if (connected) count++;
  return count;
}

/** Notes that a call is sent again because its kept connection had closed. */
export function countTry({ notes }: HttpRequest): void {
  notes.tries++;
  noteEvent(notes, "transport", "resent", [], systemClock.now());
}
