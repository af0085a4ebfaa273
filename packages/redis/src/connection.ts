import type { Clock, Random, Timer } from "@pagoda/core";
import { Backoff } from "./backoff.ts";
import { type Client, clientOf, connectMs } from "./client.ts";
import type { RedisTls } from "./options.ts";
import { isUnknownScript } from "./script.ts";
import { addressOf, type Server } from "./server.ts";

/** Milliseconds after which a connection with an unanswered command is replaced. */
const silentMs = 1_000;

export interface ConnectionOptions {
  /** Finds the server, each time a connection is made. */
  readonly locate: () => Server | Promise<Server>;
  /** Whether the server must say that it is a master: a sentinel may not know yet. */
  readonly checksRole?: boolean;
  readonly tls: RedisTls;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly counts: CommandCounts;
  readonly connected: (server: string) => void;
  readonly disconnected: (server: string, reason: string) => void;
}

export interface CommandCounts {
  /** Commands answered in time. */
  roundTrips: number;
  /** Commands not answered in time. */
  timeouts: number;
  /** Commands that failed otherwise. */
  errors: number;
}

/** A command for which there was no connection. */
export class NotConnected extends Error {
  override readonly name = "NotConnected";

  /** @param reason Why the last attempt failed. */
  constructor(reason: string) {
    super(`not connected: ${reason}`);
  }
}

/** Receives a reply that comes after the promise was rejected. */
export type Late = (reply: unknown) => void;

/**
 * A connection to one server. It connects at once and again whenever it is lost, and each command
 * has a deadline: the client's own time limits end when a command has been sent.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #backoff: Backoff;
  #client: Client | undefined;
  #address = "";
  /** Why there is no connection. */
  #reason = "connecting";
  #retry: Timer | undefined;
  #isClosed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.random);
    void this.#connect();
  }

  get isConnected(): boolean {
    return this.#client?.isReady === true;
  }

  /**
   * Sends a command.
   *
   * @param withinMs Time left for it. Default: all of its time.
   * @returns Rejects if there is no connection, or no reply in time.
   */
  send(
    args: readonly string[],
    late: Late = () => {},
    withinMs: number = this.#options.timeoutMs,
  ): Promise<unknown> {
    const { clock, counts } = this.#options;
    const client = this.#client;
    if (client?.isReady !== true) {
      counts.errors++;
      return Promise.reject(new NotConnected(this.#reason));
    }
    return new Promise((resolve, reject) => {
      let isLate = false;
      let timer = clock.setTimer(withinMs, () => {
        isLate = true;
        counts.timeouts++;
        reject(new Error(`no reply within ${this.#options.timeoutMs} ms`));
        timer = clock.setTimer(Math.max(0, silentMs - withinMs), () => {
          this.#lose(client, `no reply within ${Math.max(silentMs, withinMs)} ms`);
        });
      });
      client.sendCommand(args).then(
        (reply) => {
          clock.clearTimer(timer);
          this.#backoff.reset();
          if (isLate) return late(reply);
          counts.roundTrips++;
          resolve(reply);
        },
        (error: Error) => {
          clock.clearTimer(timer);
          // The server has become a replica: the next connection may reach its successor.
          if (error.message.startsWith("READONLY")) this.#lose(client, error.message);
          if (isLate) return;
          counts[isUnknownScript(error) ? "roundTrips" : "errors"]++;
          reject(this.#client === client ? error : new Error("connection lost"));
        },
      );
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#reason = "closed";
    if (this.#retry !== undefined) this.#options.clock.clearTimer(this.#retry);
    const client = this.#client;
    this.#client = undefined;
    client?.destroy();
  }

  async #connect(): Promise<void> {
    const { locate, tls, clock, connected } = this.#options;
    let server;
    try {
      server = await locate();
    } catch (error) {
      return this.#lost((error as Error).message);
    }
    if (this.#isClosed) return;
    this.#address = addressOf(server);
    const client = clientOf(server, tls);
    this.#client = client;
    client.on("error", (error) => this.#lose(client, error.message));
    // One that was given up while it connected would stay open.
    client.on("connect", () => this.#client !== client && client.destroy());
    const timer = clock.setTimer(connectMs, () => this.#lose(client, `not connected within ${connectMs} ms`));
    try {
      await client.connect();
      await this.#checkRole(client);
      if (this.#client === client) connected(this.#address);
    } catch (error) {
      this.#lose(client, (error as Error).message);
    } finally {
      clock.clearTimer(timer);
    }
  }

  async #checkRole(client: Client): Promise<void> {
    if (this.#options.checksRole !== true) return;
    const reply = await client.sendCommand(["ROLE"]);
    const role: unknown = Array.isArray(reply) ? reply[0] : undefined;
    if (role !== "master") throw new Error(`the server is a ${String(role)}`);
  }

  /** Gives a client up, if it is still in use. */
  #lose(client: Client, reason: string): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    client.destroy();
    this.#lost(reason);
  }

  /** Connects again later. */
  #lost(reason: string): void {
    if (this.#isClosed) return;
    this.#reason = reason;
    this.#retry = this.#options.clock.setTimer(this.#backoff.next(), () => void this.#connect());
    this.#options.disconnected(this.#address, reason);
  }
}
