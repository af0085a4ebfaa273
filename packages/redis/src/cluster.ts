import { askOnce } from "./client.ts";
import { Connection, type ConnectionOptions, type Late, NotConnected } from "./connection.ts";
import { addressOf, type Server } from "./server.ts";
import { redirectionOf, slotCount, slotOf, slotRangesOf } from "./slots.ts";

export interface ClusterOptions extends Omit<ConnectionOptions, "locate"> {
  /** Some of its nodes, which know the others. */
  readonly nodes: readonly Server[];
}

/**
 * Connections to all masters of a cluster. Commands go to the master of their key's slot, and
 * follow redirections once. The slots are read again when a master redirects or is lost.
 */
export class Cluster {
  readonly #options: ClusterOptions;
  readonly #masters = new Map<string, Connection>();
  #slots: readonly (Connection | undefined)[] = [];
  #isReading = false;
  #isClosed = false;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#read();
  }

  get isConnected(): boolean {
    return this.#masters.size > 0 && [...this.#masters.values()].every(({ isConnected }) => isConnected);
  }

  /** Sends a command about one key. */
  async send(key: string, args: readonly string[], late: Late): Promise<unknown> {
    const { clock, timeoutMs, counts } = this.#options;
    const master = this.#slots[slotOf(key)];
    if (master === undefined) {
      counts.errors++;
      throw new NotConnected("no master is known for this key");
    }
    const since = clock.now();
    try {
      return await master.send(args, late);
    } catch (error) {
      const redirection = redirectionOf(error as Error);
      if (redirection === undefined) throw error;
      const { isOnce, host, port } = redirection;
      if (!isOnce) this.#read();
      const other = this.#masters.get(addressOf({ host, port }));
      const leftMs = timeoutMs - (clock.now() - since);
      if (other === undefined || leftMs <= 0) throw error;
      if (isOnce) other.send(["ASKING"], undefined, leftMs).catch(() => {});
      return other.send(args, late, leftMs);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const master of this.#masters.values()) master.close();
    this.#masters.clear();
    this.#slots = [];
  }

  /** Reads the slots of all masters, from whichever node answers. */
  #read(): void {
    if (this.#isReading || this.#isClosed) return;
    this.#isReading = true;
    void this.#ask().then((isRead) => {
      this.#isReading = false;
      // A master that stays lost asks again whenever it fails to connect.
      if (!isRead && this.#masters.size === 0 && !this.#isClosed)
        this.#options.clock.setTimer(retryMs, () => this.#read());
    });
  }

  async #ask(): Promise<boolean> {
    const { nodes, tls, clock, disconnected } = this.#options;
    const [first] = nodes as [Server];
    const known = Array.from(this.#masters.keys(), (address): Server => ({
      ...first,
      ...hostAndPort(address),
    }));
    for (const node of [...known, ...nodes]) {
      try {
        this.#use(node, await askOnce(node, tls, ["CLUSTER", "SLOTS"], clock));
        return true;
      } catch (error) {
        if (this.#masters.size === 0) disconnected(addressOf(node), (error as Error).message);
      }
      if (this.#isClosed) return false;
    }
    return false;
  }

  #use(asked: Server, reply: unknown): void {
    const ranges = slotRangesOf(reply);
    if (this.#isClosed) return;
    const slots = Array.from<Connection | undefined>({ length: slotCount });
    const used = new Set<string>();
    for (const { from, to, host, port } of ranges) {
      const server = { ...asked, host: host === "" ? asked.host : host, port };
      used.add(addressOf(server));
      slots.fill(this.#masterAt(server), from, to + 1);
    }
    this.#slots = slots;
    for (const [address, master] of this.#masters) {
      if (used.has(address)) continue;
      this.#masters.delete(address);
      master.close();
    }
  }

  #masterAt(server: Server): Connection {
    const address = addressOf(server);
    let master = this.#masters.get(address);
    if (master === undefined) {
      master = new Connection({
        ...this.#options,
        locate: () => server,
        connected: (at) => {
          if (this.isConnected) this.#options.connected(at);
        },
        disconnected: (at, reason) => {
          this.#options.disconnected(at, reason);
          this.#read();
        },
      });
      this.#masters.set(address, master);
    }
    return master;
  }
}

/** Milliseconds until all nodes are asked again, if none has answered. */
const retryMs = 500;

function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(":");
  return { host: address.slice(0, at).replace(/^\[(.*)\]$/, "$1"), port: Number(address.slice(at + 1)) };
}
