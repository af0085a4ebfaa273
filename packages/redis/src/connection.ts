import { createClient } from "@redis/client";
import type { Clock, Random, Timer } from "@pagoda/core";
import { Backoff } from "./backoff.ts";
import type { RedisTls } from "./options.ts";
import { isUnknownScript } from "./script.ts";
import { addressOf, type Server } from "./server.ts";

/** Commands that may wait for a reply, so that a silent server fills no memory. */
const mostPending = 1_000;
/** Milliseconds for connecting and logging in. */
const connectMs = 2_000;
/** Milliseconds after which a connection with an unanswered command is replaced. */
const silentMs = 1_000;

export interface ConnectionOptions {
  readonly server: Server;
  readonly tls: RedisTls;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly connected: (server: string) => void;
  readonly disconnected: (server: string, reason: string) => void;
}

export interface ConnectionCounts {
  /** Commands answered in time. */
  roundTrips: number;
  /** Commands not answered in time. */
  timeouts: number;
  /** Commands that failed otherwise. */
  errors: number;
}

/** The part of a client that is used here, without its types for all commands. */
interface Client {
  readonly isReady: boolean;
  on(event: "error" | "connect", listener: (error: Error) => void): unknown;
  connect(): Promise<unknown>;
  sendCommand(args: readonly string[]): Promise<unknown>;
  destroy(): void;
}

/**
 * A connection to one server. It connects at once and again whenever it is lost, and each command
 * has a deadline: the client's own time limits end when a command has been sent.
 */
export class Connection {
  readonly counts: ConnectionCounts = { roundTrips: 0, timeouts: 0, errors: 0 };
  readonly #options: ConnectionOptions;
  readonly #backoff: Backoff;
  #client: Client | undefined;
  #retry: Timer | undefined;
  #isClosed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.random);
    this.#connect();
  }

  get isConnected(): boolean {
    return this.#client?.isReady === true;
  }

  /**
   * Sends a command.
   *
   * @param late Receives a reply that comes after the promise was rejected.
   * @returns Rejects if there is no connection, or no reply in time.
   */
  send(args: readonly string[], late: (reply: unknown) => void = () => {}): Promise<unknown> {
    const client = this.#client;
    if (client?.isReady !== true) {
      this.counts.errors++;
      return Promise.reject(new Error("not connected"));
    }
    const { clock, timeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      let isLate = false;
      let timer = clock.setTimer(timeoutMs, () => {
        isLate = true;
        this.counts.timeouts++;
        reject(new Error(`no reply within ${timeoutMs} ms`));
        timer = clock.setTimer(Math.max(0, silentMs - timeoutMs), () => {
          this.#lose(client, `no reply within ${Math.max(silentMs, timeoutMs)} ms`);
        });
      });
      client.sendCommand(args).then(
        (reply) => {
          clock.clearTimer(timer);
          if (isLate) return late(reply);
          this.counts.roundTrips++;
          resolve(reply);
        },
        (error: Error) => {
          clock.clearTimer(timer);
          // The server has become a replica: the next connection may reach its successor.
          if (error.message.startsWith("READONLY")) this.#lose(client, error.message);
          if (isLate) return;
          this.counts[isUnknownScript(error) ? "roundTrips" : "errors"]++;
          reject(this.#client === client ? error : new Error("connection lost"));
        },
      );
    });
  }

  close(): void {
    this.#isClosed = true;
    if (this.#retry !== undefined) this.#options.clock.clearTimer(this.#retry);
    const client = this.#client;
    this.#client = undefined;
    client?.destroy();
  }

  #connect(): void {
    const { server, tls, clock } = this.#options;
    const client: Client = createClient({
      socket: {
        host: server.host,
        port: server.port,
        connectTimeout: connectMs,
        reconnectStrategy: false,
        ...(server.isTls && { tls: true, ...tls }),
      },
      ...(server.username !== undefined && { username: server.username }),
      ...(server.password !== undefined && { password: server.password }),
      database: server.database,
      disableOfflineQueue: true,
      disableClientInfo: true,
      commandsQueueMaxLength: mostPending,
      maintNotifications: "disabled",
    });
    this.#client = client;
    client.on("error", (error) => this.#lose(client, error.message));
    // One that was given up while it connected would stay open.
    client.on("connect", () => this.#client !== client && client.destroy());
    const timer = clock.setTimer(connectMs, () => this.#lose(client, `not connected within ${connectMs} ms`));
    client.connect().then(
      () => {
        clock.clearTimer(timer);
        if (this.#client !== client) return;
        this.#backoff.reset();
        this.#options.connected(addressOf(server));
      },
      (error: Error) => {
        clock.clearTimer(timer);
        this.#lose(client, error.message);
      },
    );
  }

  /** Gives a client up, if it is still in use, and connects again later. */
  #lose(client: Client, reason: string): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    client.destroy();
    this.#options.disconnected(addressOf(this.#options.server), reason);
    if (this.#isClosed) return;
    this.#retry = this.#options.clock.setTimer(this.#backoff.next(), () => this.#connect());
  }
}
