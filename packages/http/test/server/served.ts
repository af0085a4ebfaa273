import { once } from "node:events";
import { ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { service } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { type HttpServer, serve, type ServeOptions } from "@pagoda/http/server";
import { settled } from "@pagoda/core/testing";
import { right } from "fp-ts/lib/Either.js";
import { expect, onTestFinished } from "vitest";

/** Whether Node can send 1xx responses of our choice over HTTP/1.1: 22 cannot. */
export const informs: boolean = "writeInformation" in ServerResponse.prototype;

export type Answer = (request: HttpRequest, signal: AbortSignal) => HttpResponse | Promise<HttpResponse>;

/** A server for one test, on a port of its own. */
export async function served(answer: Answer, options: ServeOptions = {}): Promise<HttpServer> {
  const stack = service("test", async (request: HttpRequest, signal?: AbortSignal) =>
    right(await answer(request, signal as AbortSignal)),
  );
  const server = await serve(stack, options);
  if (server._tag === "Left") throw server.left.cause;
  onTestFinished(() => server.right.close());
  return server.right;
}

/** A client that says exactly what the test says, byte for byte. */
export class Wire {
  readonly socket: Socket;
  /** What has come, every byte as a character. */
  text = "";
  /** How it closed: `end`, or the code of the error. */
  readonly closed: Promise<string>;
  #changed = Promise.withResolvers<void>();
  #over = false;

  static async to(
    server: Pick<HttpServer, "host" | "port">,
    ...said: (string | Uint8Array)[]
  ): Promise<Wire> {
    const wire = new Wire(connect(server.port, server.host));
    await once(wire.socket, "connect");
    wire.say(...said);
    return wire;
  }

  constructor(socket: Socket) {
    this.socket = socket;
    let how = "closed";
    socket.on("data", (chunk: Buffer) => {
      this.text += chunk.toString("latin1");
      this.#change();
    });
    socket.on("end", () => (how = "end"));
    socket.on("error", (error: NodeJS.ErrnoException) => (how = error.code ?? error.message));
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#over = true;
        this.#change();
        resolve(how);
      });
    });
    onTestFinished(() => void socket.destroy());
  }

  say(...said: (string | Uint8Array)[]): void {
    for (const each of said) this.socket.write(typeof each === "string" ? Buffer.from(each, "latin1") : each);
  }

  /** Waits until that has come, and gives all that came. */
  async until(part: string): Promise<string> {
    while (!this.text.includes(part)) {
      if (this.#over) expect.fail(`closed before "${part}" came: ${JSON.stringify(this.text)}`);
      await this.#changed.promise;
    }
    return this.text;
  }

  /** All that came until the server closed. */
  async rest(): Promise<string> {
    await this.closed;
    return this.text;
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

/** A request's head, for HTTP/1.1 unless its first line says otherwise. */
export function head(line: string, ...fields: string[]): string {
  const first = line.includes(" HTTP/") ? line : `${line} HTTP/1.1`;
  return [first, "Host: a", ...fields, "", ""].join("\r\n");
}

/** The statuses of all responses that came, information included. */
export function statuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}

/** Waits until something holds that comes about through sockets; the test's time-out says when it does not. */
export async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await settled();
}
