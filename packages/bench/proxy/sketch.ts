// The least that a proxy of node:http and undici can do: no checks, no limits, no errors, no metrics. A floor.
import { createServer, type ServerResponse } from "node:http";
import { type Dispatcher, Pool } from "undici";

const [port, upstream = ""] = process.argv.slice(2);
const pool = new Pool(upstream);

class Handler implements Dispatcher.DispatchHandler {
  readonly #out: ServerResponse;
  #status = 0;
  #fields: string[] = [];
  #body = "";

  constructor(out: ServerResponse) {
    this.#out = out;
  }

  onRequestStart(): void {}

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
    this.#fields = withoutConnection(
      (controller.rawHeaders as Buffer[]).map((part) => part.toString("latin1")),
    );
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#body += chunk.toString("latin1");
  }

  onResponseEnd(): void {
    this.#out.writeHead(this.#status, this.#fields);
    this.#out.end(this.#body, "latin1");
  }

  onResponseError(): void {
    this.#out.destroy();
  }
}

createServer({ optimizeEmptyRequests: true }, ({ method = "GET", url = "/", rawHeaders }, out) => {
  const headers = withoutConnection(rawHeaders);
  pool.dispatch({ path: url, method: method as Dispatcher.HttpMethod, headers }, new Handler(out));
}).listen(Number(port), "127.0.0.1");

function withoutConnection(raw: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    if ((raw[i] as string).length !== 10) kept.push(raw[i] as string, raw[i + 1] as string);
  }
  return kept;
}
