import { type Either, isLeft, right, type Service } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { type HttpServer, type ListenFailed, serve } from "@pagoda/http/server";
import type { Logger } from "pino";
import { type Address, addressText } from "../config/address.ts";
import { adminSocketName, bind, type SocketHandle, type SocketsByName } from "./sockets.ts";

/** Closes after letting requests in flight finish. */
const drainMs = 1_000;

export interface AdminServerOptions {
  /** Creates the handler for a host to listen on. */
  readonly pages: (host: string) => Service<HttpRequest, HttpResponse>;
  readonly log: Logger;
}

/** A prepared change of address: the new address is already listening. */
export interface Move {
  make(): void;
  /** Abandons the change; the current address stays. */
  drop(): Promise<void>;
}

const noMove: Move = { make() {}, drop: async () => {} };

/** The admin endpoint: a server that can move to another address. */
export class AdminServer {
  readonly #options: AdminServerOptions;
  #address: Address;
  #open: Opened;

  private constructor(options: AdminServerOptions, address: Address, open: Opened) {
    this.#options = options;
    this.#address = address;
    this.#open = open;
  }

  /** @param inherited A socket bound to that address. Default: binds one. */
  static async open(
    address: Address,
    options: AdminServerOptions,
    inherited?: SocketHandle,
  ): Promise<Either<ListenFailed, AdminServer>> {
    const open = await opened(address, options, inherited);
    return isLeft(open) ? open : right(new AdminServer(options, address, open.right));
  }

  get url(): string {
    return this.#open.server.url;
  }

  /** Its socket, for a replacement process. */
  get sockets(): SocketsByName {
    return new Map([[adminSocketName(this.#address), [this.#open.socket]]]);
  }

  /** `Left`: it cannot listen there. */
  async prepare(address: Address): Promise<Either<ListenFailed, Move>> {
    if (addressText(address) === addressText(this.#address)) return right(noMove);
    const open = await opened(address, this.#options);
    if (isLeft(open)) return open;
    const next = open.right;
    return right({
      make: () => {
        // The request that caused the move is still waiting for its response there.
        void this.#open.server.drain(drainMs);
        this.#open = next;
        this.#address = address;
        this.#options.log.info({ adminUrl: next.server.url }, `admin on ${next.server.url}`);
      },
      drop: () => next.server.close(),
    });
  }

  async close(): Promise<void> {
    await this.#open.server.drain(drainMs);
  }
}

interface Opened {
  readonly server: HttpServer;
  readonly socket: SocketHandle;
}

async function opened(
  address: Address,
  { pages, log }: AdminServerOptions,
  inherited?: SocketHandle,
): Promise<Either<ListenFailed, Opened>> {
  // Not shared: an address in use reveals another running process.
  const bound =
    inherited === undefined ? await bind(address, { shared: false }) : right({ socket: inherited });
  if (isLeft(bound)) return bound;
  const { socket } = bound.right;
  const server = await serve(pages(address.host), {
    ...address,
    sockets: [socket],
    defect: (err) => log.error({ err }, "defect in the admin endpoint"),
  });
  return isLeft(server) ? server : right({ server: server.right, socket });
}
