import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { right, service, type Service } from "@pagoda/core";
import { settled } from "@pagoda/core/testing";
import { bodyBroken, type HttpHeaders, type HttpRequest, type HttpResponse, PushBody } from "@pagoda/http";
import { toNode, type ToNodeOptions } from "@pagoda/node";
import { onTestFinished } from "vitest";

export type Answer = (request: HttpRequest, signal: AbortSignal) => HttpResponse | Promise<HttpResponse>;

export function stackOf(answer: Answer): Service<HttpRequest, HttpResponse> {
  return service("test", async (request: HttpRequest, signal?: AbortSignal) =>
    right(await answer(request, signal as AbortSignal)),
  );
}

export interface Running {
  readonly port: number;
  readonly url: string;
}

/** A server of Node's own around a stack, closed when the test finishes. */
export function served(answer: Answer, options?: ToNodeOptions): Promise<Running> {
  return listening(createServer(toNode(stackOf(answer), options)));
}

/** A server with a handler of the test's own. */
export function serverOf(listener: RequestListener): Promise<Running> {
  return listening(createServer(listener));
}

export async function listening(server: Server): Promise<Running> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}` };
}

/** A raw TCP client. */
export class Wire {
  readonly socket: Socket;
  /** Everything received, as latin1. */
  text = "";
  /** How the connection closed: `end`, or the error's code. */
  readonly closed: Promise<string>;

  constructor({ port }: Running, ...bytes: readonly string[]) {
    this.socket = connect(port, "127.0.0.1");
    let how = "closed";
    this.socket.on("data", (chunk: Buffer) => (this.text += chunk.toString("latin1")));
    this.socket.on("end", () => (how = "end"));
    this.socket.on("error", (error: NodeJS.ErrnoException) => (how = error.code ?? error.message));
    this.closed = new Promise((resolve) => this.socket.on("close", () => resolve(how)));
    onTestFinished(() => void this.socket.destroy());
    this.send(...bytes);
  }

  send(...bytes: readonly string[]): void {
    this.socket.write(bytes.join(""), "latin1");
  }

  /** Waits until `part` has arrived and returns everything received. */
  async until(part: string): Promise<string> {
    while (!this.text.includes(part)) {
      if (this.socket.destroyed) throw new Error(`closed before "${part}": ${JSON.stringify(this.text)}`);
      await settled();
    }
    return this.text;
  }
}

/** A request head with `Host: a`, for HTTP/1.1 unless the request line has a version. */
export function head(line: string, ...fields: string[]): string {
  return [line.includes(" HTTP/") ? line : `${line} HTTP/1.1`, "Host: a", ...fields, "", ""].join("\r\n");
}

/** Waits, across turns of the event loop, until the condition holds. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await settled();
}

/** A body fed by the test. */
export class Source extends PushBody {
  length: number | undefined;
  isRead = false;
  stopped: unknown[] = [];
  onGoOn = (): void => {};

  protected override started(): void {
    this.isRead = true;
    this.onGoOn();
  }

  protected goOn(): void {
    this.onGoOn();
  }

  protected stop(reason: unknown): void {
    this.stopped.push(reason);
  }

  write(chunk: string | Uint8Array): boolean {
    return this.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  }

  end(trailers?: HttpHeaders): void {
    this.finish(trailers);
  }

  break(): void {
    this.broken(bodyBroken(new Error("the origin is gone")));
  }
}
