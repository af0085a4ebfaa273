import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { right, service } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { type HttpServer, serve, type ServeOptions } from "@pagoda/http/server";
import { settled } from "@pagoda/core/testing";
import { expect, onTestFinished } from "vitest";

export type Answer = (request: HttpRequest, signal: AbortSignal) => HttpResponse | Promise<HttpResponse>;

/** A server on a free port, closed when the test finishes. */
export async function served(answer: Answer, options: ServeOptions = {}): Promise<HttpServer> {
  const stack = service("test", async (request: HttpRequest, signal?: AbortSignal) =>
    right(await answer(request, signal as AbortSignal)),
  );
  const server = await serve(stack, options);
  if (server._tag === "Left") throw server.left.cause;
  onTestFinished(() => server.right.close());
  return server.right;
}

/** A raw TCP client. */
export class Wire {
  readonly socket: Socket;
  /** Everything received, as latin1. */
  text = "";
  /** How the connection closed: `end`, or the error's code. */
  readonly closed: Promise<string>;
  #changed = Promise.withResolvers<void>();
  #over = false;

  static async to(
    server: Pick<HttpServer, "host" | "port">,
    ...bytes: (string | Uint8Array)[]
  ): Promise<Wire> {
    const wire = new Wire(connect(server.port, server.host));
    await once(wire.socket, "connect");
    wire.send(...bytes);
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

  send(...bytes: (string | Uint8Array)[]): void {
    for (const each of bytes)
      this.socket.write(typeof each === "string" ? Buffer.from(each, "latin1") : each);
  }

  /** Waits until `part` has arrived and returns everything received. */
  async until(part: string): Promise<string> {
    while (!this.text.includes(part)) {
      if (this.#over) expect.fail(`closed before "${part}" arrived: ${JSON.stringify(this.text)}`);
      await this.#changed.promise;
    }
    return this.text;
  }

  /** Waits until the connection has closed and returns everything received. */
  async rest(): Promise<string> {
    await this.closed;
    return this.text;
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

/** A request head with `Host: a`, for HTTP/1.1 unless the request line has a version. */
export function head(line: string, ...fields: string[]): string {
  const first = line.includes(" HTTP/") ? line : `${line} HTTP/1.1`;
  return [first, "Host: a", ...fields, "", ""].join("\r\n");
}

/** The statuses of all responses received, informational ones included. */
export function statuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}

/** Waits, across turns of the event loop, until the condition is true; otherwise the test times out. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await settled();
}
