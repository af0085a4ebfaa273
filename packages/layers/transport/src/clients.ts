import { Client } from "undici";

/**
 * The connections to one origin: one client for each, taken by one call at a time. The one used last is taken first,
 * so under little load the others grow old and close. undici's own pool looks through all its clients for a free one
 * at every call, which with 64 under way costs more than any layer.
 */
export class Clients {
  readonly #origin: URL;
  readonly #options: Client.Options;
  readonly #idle: Client[] = [];
  readonly #all = new Set<Client>();

  constructor(origin: URL, options: Client.Options) {
    this.#origin = origin;
    this.#options = options;
  }

  /** How many connections there are, and how many of them nobody uses. */
  get counts(): { readonly connections: number; readonly idle: number } {
    return { connections: connected(this.#all), idle: connected(this.#idle) };
  }

  /** A client that nobody else uses until it is given back. */
  take(): Client {
    return this.#idle.pop() ?? this.#open();
  }

  /** @param used It had a connection. One that still tries to connect is the last to be taken again. */
  giveBack(client: Client, used: boolean): void {
    if (used) this.#idle.push(client);
    else this.#idle.unshift(client);
  }

  /** Lets the calls under way finish, then closes the connections. */
  async close(): Promise<void> {
    await Promise.all([...this.#all].map((client) => client.close()));
  }

  #open(): Client {
    const client = new Client(this.#origin, this.#options);
    this.#all.add(client);
    client.on("disconnect", () => this.#disconnected(client));
    return client;
  }

  /** A client in use connects again by itself; an idle one has done its service. */
  #disconnected(client: Client): void {
    const at = this.#idle.indexOf(client);
    if (at < 0) return;
    this.#idle.splice(at, 1);
    this.#all.delete(client);
    // One that goes because all are closed has been told.
    if (!client.closed) void client.close();
  }
}

function connected(clients: Iterable<Client>): number {
  let count = 0;
  for (const { stats } of clients) if (stats.connected) count++;
  return count;
}
