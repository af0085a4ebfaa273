import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestAuthority, testAuthority } from "@pagoda/http/testing";
import type { ApiServer } from "@pagoda/kubernetes";
import { type Events, events } from "./events.ts";

export const authority: TestAuthority = testAuthority();
const server = authority.issue({ names: "IP:127.0.0.1" });

/** An API server of which a test answers each request. */
export interface FakeApi extends AsyncDisposable {
  /** How to reach it. Tests may change the files. */
  readonly reach: ApiServer;
  readonly requests: Events<Exchange>;
  /** How many connections have been opened. */
  readonly connections: number;
}

export async function fakeApi(): Promise<FakeApi> {
  const folder = mkdtempSync(join(tmpdir(), "pagoda-kubernetes-"));
  const [tokenFile, caFile] = [join(folder, "token"), join(folder, "ca.crt")];
  writeFileSync(tokenFile, "secret\n");
  writeFileSync(caFile, authority.ca);
  const requests = events<Exchange>();
  const sockets = new Set<Socket>();
  const https = createServer({ cert: server.certificate, key: server.key }, (request, response) =>
    requests.push(new Exchange(request, response)),
  );
  https.on("connection", (socket: Socket) => sockets.add(socket));
  https.listen(0, "127.0.0.1");
  await once(https, "listening");
  return {
    reach: { origin: `https://127.0.0.1:${(https.address() as AddressInfo).port}`, tokenFile, caFile },
    requests,
    get connections() {
      return sockets.size;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      https.close();
      await once(https, "close");
      rmSync(folder, { recursive: true });
    },
  };
}

/** A request and its answer. */
export class Exchange {
  readonly url: URL;
  readonly token: string | undefined;
  /** Settles when the client has closed the connection, or the answer has ended. */
  readonly closed: Promise<void>;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.url = new URL(request.url ?? "", "https://api");
    this.token = request.headers.authorization;
    this.closed = new Promise((resolve) => response.once("close", () => resolve()));
    this.#request = request;
    this.#response = response;
  }

  get query(): Record<string, string> {
    return Object.fromEntries(this.url.searchParams);
  }

  /** Answers with a list. */
  list(items: readonly object[], resourceVersion: string = "1", next?: string): void {
    const metadata = { resourceVersion, ...(next !== undefined && { continue: next }) };
    this.json(200, { kind: "EndpointSliceList", metadata, items });
  }

  json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): void {
    this.#response.writeHead(status, { "content-type": "application/json", ...headers });
    this.#response.end(JSON.stringify(value));
  }

  /** Refuses with a `Status`. */
  refuse(code: number, message: string, headers: Readonly<Record<string, string>> = {}): void {
    this.json(code, { kind: "Status", status: "Failure", code, message }, headers);
  }

  /** Sends the head of an answer whose body follows. */
  begin(): this {
    this.#response.writeHead(200, { "content-type": "application/json" });
    this.#response.flushHeaders();
    return this;
  }

  /** Sends an event of a watch. */
  event(type: string, object: unknown): void {
    this.raw(`${JSON.stringify({ type, object })}\n`);
  }

  bookmark(resourceVersion: string): void {
    this.event("BOOKMARK", { kind: "EndpointSlice", metadata: { resourceVersion } });
  }

  raw(text: string | Uint8Array): void {
    this.#response.write(text);
  }

  end(): void {
    this.#response.end();
  }

  /** Breaks the connection. */
  break(): void {
    this.#request.socket.destroy();
  }
}

interface SliceOptions {
  readonly name?: string;
  readonly version?: string;
  readonly addressType?: string;
  readonly ports?: readonly object[] | null;
}

export const http: object = { name: "http", port: 8080, protocol: "TCP" };

/** An EndpointSlice with these endpoints; a text is the address of one that is ready. */
export function slice(
  endpoints: readonly (string | object)[],
  { name = "shop-1", version = "1", addressType = "IPv4", ports = [http] }: SliceOptions = {},
): object {
  return {
    metadata: { name, resourceVersion: version },
    addressType,
    ports,
    endpoints: endpoints.map((each) =>
      typeof each === "string" ? { addresses: [each], conditions: { ready: true } } : each,
    ),
  };
}
