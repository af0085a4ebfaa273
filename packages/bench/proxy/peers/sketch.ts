// The least that a proxy of node:http and undici can do: no checks, no limits, no errors, no metrics. A floor.
import { createServer, type ServerResponse } from "node:http";
import { Client, type Dispatcher } from "undici";
import { readPlace } from "./place.ts";

const { port, origins } = readPlace();
const origin = `http://${origins[0]}`;
/** undici's own pool looks through all its clients for a free one at every request. */
const idle: Client[] = [];

/** One request and its response. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #out: ServerResponse;
  readonly #client: Client;
  #status = 0;
  #fields: string[] = [];
  #body = "";

  constructor(out: ServerResponse, client: Client) {
    this.#out = out;
    this.#client = client;
  }

  // undici takes an object without it for a handler of its former kind.
  onRequestStart(): void {}

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
    const fields = (controller.rawHeaders as Buffer[]).map((part) => part.toString("latin1"));
    this.#fields = withoutConnection(fields);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#body += chunk.toString("latin1");
  }

  onResponseEnd(): void {
    idle.push(this.#client);
    this.#out.writeHead(this.#status, this.#fields);
    // A string goes out in one write with the head; a Buffer would make two of it.
    this.#out.end(this.#body, "latin1");
  }

  onResponseError(): void {
    this.#out.destroy();
  }
}

const server = createServer(
  { optimizeEmptyRequests: true, keepAliveTimeout: 3_600_000 },
  ({ method = "GET", url = "/", rawHeaders }, out) => {
    const client = idle.pop() ?? new Client(origin);
    const headers = withoutConnection(rawHeaders);
    client.dispatch(
      { path: url, method: method as Dispatcher.HttpMethod, headers },
      new Exchange(out, client),
    );
  },
);
server.listen({ host: "127.0.0.1", port, backlog: 1_024 });

// A profile is written at an orderly end only.
process.once("SIGTERM", () => process.exit(0));

/** Of the fields that end at a hop, `Connection` is the only one here, and the only one of its length. */
function withoutConnection(raw: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    if ((raw[i] as string).length !== 10) kept.push(raw[i] as string, raw[i + 1] as string);
  }
  return kept;
}
