import type { Service } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/core/http";
import { type HttpServer, type ListenFailed, serve } from "@pagoda/core/server";
import { type Either, isLeft, right } from "fp-ts/lib/Either.js";
import type { Logger } from "pino";
import { type Address, addressText } from "../config/address.ts";

/** Whoever asks at that moment gets an answer. */
const drainMs = 1_000;

export interface AdminEndOptions {
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
export class AdminEnd {
  readonly #options: AdminEndOptions;
  #address: Address;
  #server: HttpServer;

  private constructor(options: AdminEndOptions, address: Address, server: HttpServer) {
    this.#options = options;
    this.#address = address;
    this.#server = server;
  }

  static async open(address: Address, options: AdminEndOptions): Promise<Either<ListenFailed, AdminEnd>> {
    const server = await opened(address, options);
    return isLeft(server) ? server : right(new AdminEnd(options, address, server.right));
  }

  get url(): string {
    return this.#server.url;
  }

  /** `Left`: it cannot listen there. */
  async prepare(address: Address): Promise<Either<ListenFailed, Move>> {
    if (addressText(address) === addressText(this.#address)) return right(noMove);
    const server = await opened(address, this.#options);
    if (isLeft(server)) return server;
    const next = server.right;
    return right({
      make: () => {
        // Whoever has said that it is to move waits for an answer there.
        void this.#server.drain(drainMs);
        this.#server = next;
        this.#address = address;
        this.#options.log.info({ adminUrl: next.url }, `admin on ${next.url}`);
      },
      drop: () => next.close(),
    });
  }

  async close(): Promise<void> {
    await this.#server.drain(drainMs);
  }
}

function opened(address: Address, { pages, log }: AdminEndOptions): ReturnType<typeof serve> {
  return serve(pages(address.host), {
    ...address,
    defect: (err) => log.error({ err }, "defect in the admin endpoint"),
  });
}
