import type { Service } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { type HttpServer, type ListenFailed, serve } from "@pagoda/http/server";
import { type Either, isLeft, right } from "fp-ts/lib/Either.js";
import type { Logger } from "pino";
import { type Address, addressText } from "../config/address.ts";
import { adminSocketName, bind, type SocketHandle, type SocketsByName } from "./sockets.ts";

/** Lets requests that are being answered finish. */
const drainMs = 1_000;

export interface AdminServerOptions {
  /** What answers where it listens on a host. */
  readonly pages: (host: string) => Service<HttpRequest, HttpResponse>;
  readonly log: Logger;
}

/** A change of address that can be made: what is new listens already. */
export interface Move {
  make(): void;
  /** All stays as it was. */
  drop(): Promise<void>;
}

const noMove: Move = { make() {}, drop: async () => {} };

/** Where operators look: a server that can move to another address. */
export class AdminServer {
  readonly #options: AdminServerOptions;
  #address: Address;
  #open: Opened;

  private constructor(options: AdminServerOptions, address: Address, open: Opened) {
    this.#options = options;
    this.#address = address;
    this.#open = open;
  }

  /** @param inherited A socket of that address; default: one is bound. */
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

  /** Its socket, for a process that takes this one's place. */
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
        // The request that asked for the move still waits for its answer there.
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
  // It is not shared: that the address is taken tells of another process that still runs.
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
