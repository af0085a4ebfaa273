import { lookup } from "node:dns/promises";
import net, { isIPv6 } from "node:net";
import { getSystemErrorName } from "node:util";
import type { ListenFailed } from "@pagoda/http/server";
import { type Either, isLeft, left, right } from "@pagoda/core";
import type { Address } from "../config/address.ts";
import type { ListenerConfig } from "../config/schema/config.ts";
import { listenerName } from "../config/names.ts";

/** A bound socket as Node represents it: it can be sent to another process, which listens on it. */
export interface SocketHandle {
  getsockname(into: { address?: string; port?: number }): number;
  close(): void;
}

type CreateServerHandle = (
  address: string | null,
  port: number,
  addressType: 4 | 6 | -1,
  fd: number,
  flags: number,
) => SocketHandle | number;

// What `node:cluster` opens its sockets with. `net.BoundSocket` can neither be sent to a process
// nor be kept afterwards.
const { _createServerHandle: createServerHandle } = net as unknown as {
  readonly _createServerHandle: CreateServerHandle;
};

/** libuv's flag. */
const reusePort = 2;

/**
 * The name of a listener's sockets: a listener that moves gets others, one that only changes keeps
 * them.
 */
export function socketName(listener: ListenerConfig): string {
  const { host, port } = listener.address;
  return port === 0 ? `${listenerName(listener)} ${host}` : `${host}:${port}`;
}

/** The same for the admin endpoint, which has one socket. */
export function adminSocketName({ host, port }: Address): string {
  return port === 0 ? `admin ${host}` : `${host}:${port}`;
}

/** The name of a socket at a fixed address. */
export function socketText(socket: SocketHandle): string {
  const bound: { address?: string; port?: number } = {};
  socket.getsockname(bound);
  return `${bound.address}:${bound.port}`;
}

/** Opens an inherited descriptor; undefined if it is not a TCP socket. */
export function handOver(fd: number): SocketHandle | undefined {
  try {
    const socket = createServerHandle(null, 0, -1, fd, 0);
    return typeof socket === "number" || socket.getsockname === undefined ? undefined : socket;
  } catch {
    return undefined;
  }
}

/** Sockets by the name of what listens on them. */
export type SocketsByName = ReadonlyMap<string, readonly SocketHandle[]>;

/**
 * The sockets on which workers listen, one per worker. The main process opens them and keeps them
 * open: when a worker dies, its connections that were not yet accepted wait for its replacement.
 */
export class Sockets {
  readonly #workers: number;
  #open: SocketsByName;

  /** @param inherited Those of the process that this one replaces. */
  constructor(workers: number, inherited: SocketsByName = new Map()) {
    this.#workers = workers;
    this.#open = inherited;
  }

  /** The open sockets. */
  get open(): SocketsByName {
    return this.#open;
  }

  /**
   * Prepares all sockets of a configuration: open ones and new ones. `Left`: one could not be
   * bound; nothing has changed.
   */
  async prepare(listeners: readonly ListenerConfig[]): Promise<Either<ListenFailed, SocketsByName>> {
    const all = new Map<string, readonly SocketHandle[]>();
    for (const listener of listeners) {
      const name = socketName(listener);
      const sockets = this.#open.get(name) ?? (await bindAll(listener.address, this.#workers));
      if ("_tag" in sockets) {
        this.drop(all);
        return left(sockets);
      }
      all.set(name, sockets);
    }
    return right(all);
  }

  /** Uses these sockets from now on and closes all others. */
  use(sockets: SocketsByName): void {
    for (const [name, each] of this.#open) if (!sockets.has(name)) closeAll(each);
    this.#open = sockets;
  }

  /** Closes these sockets unless they are in use. */
  drop(sockets: SocketsByName): void {
    for (const [name, each] of sockets) if (!this.#open.has(name)) closeAll(each);
  }

  close(): void {
    this.use(new Map());
  }
}

/**
 * The sockets on which one worker listens. With more sockets than workers some listen on several,
 * and with fewer some share one, so that no connection waits without a worker.
 */
export function socketsOf(
  worker: number,
  workers: number,
  all: readonly SocketHandle[],
): readonly SocketHandle[] {
  if (all.length === 0) return [];
  const own = all.filter((_socket, at) => at % workers === worker);
  return own.length > 0 ? own : [all[worker % all.length] as SocketHandle];
}

async function bindAll(address: Address, count: number): Promise<readonly SocketHandle[] | ListenFailed> {
  const sockets: SocketHandle[] = [];
  let { port } = address;
  for (let at = 0; at < count; at++) {
    const bound = await bind({ host: address.host, port }, { shared: true });
    if (isLeft(bound)) {
      closeAll(sockets);
      return bound.left;
    }
    ({ port } = bound.right);
    sockets.push(bound.right.socket);
  }
  return sockets;
}

/**
 * Binds a socket without listening.
 *
 * @param options.shared Others may bind the same address, each for a share of the connections.
 */
export async function bind(
  { host, port }: Address,
  { shared }: { readonly shared: boolean },
): Promise<Either<ListenFailed, { readonly socket: SocketHandle; readonly port: number }>> {
  const failed = (code: string, cause: Error): Either<ListenFailed, never> =>
    left({ _tag: "ListenFailed", origin: "local", retryable: true, host, port, code, cause });
  let ip: string;
  try {
    ({ address: ip } = await lookup(host));
  } catch (error) {
    const cause = error as NodeJS.ErrnoException;
    return failed(cause.code ?? cause.message, cause);
  }
  const socket = createServerHandle(ip, port, isIPv6(ip) ? 6 : 4, -1, shared ? reusePort : 0);
  const bound: { address?: string; port?: number } = {};
  // Binding does not report an address in use; asking for the bound name does.
  const status = typeof socket === "number" ? socket : socket.getsockname(bound);
  if (typeof socket !== "number" && status === 0) return right({ socket, port: bound.port as number });
  if (typeof socket !== "number") socket.close();
  const code = getSystemErrorName(status);
  return failed(code, new Error(`bind ${code} ${host}:${port}`));
}

function closeAll(sockets: readonly SocketHandle[]): void {
  for (const socket of sockets) socket.close();
}
