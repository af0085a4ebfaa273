import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server as HttpServer,
  type ServerResponse,
} from "node:http";
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from "node:net";
import { adopt } from "./system.ts";

/** A test server. Leaving its scope closes it with all its connections. */
export interface Origin extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly sockets: ReadonlySet<Socket>;
}

/** An HTTP origin. */
export async function origin(
  handler: RequestListener,
): Promise<Origin & { readonly httpServer: HttpServer }> {
  const httpServer = createServer(handler);
  return Object.assign(await listen(httpServer), { httpServer });
}

/** An origin that responds with its name. */
export function named(name: string): Promise<Origin> {
  return origin((_request, response) => response.end(name));
}

/** An origin that misbehaves as HTTP libraries do not allow. */
export function rawOrigin(onSocket: (socket: Socket) => void): Promise<Origin> {
  return listen(
    createTcpServer((socket) => {
      // The proxy closes connections of origins that misbehave.
      socket.on("error", () => {});
      onSocket(socket);
    }),
  );
}

export function listen(
  server: Server,
  port: number = 0,
  scheme: string = "http",
  host: string = "127.0.0.1",
): Promise<Origin> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, 4_096, () => {
      const { port } = server.address() as AddressInfo;
      resolve({
        url: `${scheme}://${host}:${port}`,
        port,
        sockets,
        [Symbol.asyncDispose]: () =>
          new Promise<void>((closed) => {
            server.close(() => closed());
            for (const socket of sockets) socket.destroy();
          }),
      });
    });
  });
}

/** The URL of an origin where nothing ever listens. */
export const refusing = "http://127.0.0.1:1";

/** Promises for the requests of an origin, in the order of arrival. */
export class Arrivals<T> {
  readonly #come: T[] = [];
  readonly #awaited: ((value: T) => void)[] = [];
  count = 0;

  add(value: T): void {
    this.count++;
    const waiting = this.#awaited.shift();
    if (waiting === undefined) this.#come.push(value);
    else waiting(value);
  }

  next(): Promise<T> {
    const value = this.#come.shift();
    return value === undefined
      ? new Promise((resolve) => this.#awaited.push(resolve))
      : Promise.resolve(value);
  }

  async take(count: number): Promise<T[]> {
    const values: T[] = [];
    while (values.length < count) values.push(await this.next());
    return values;
  }
}

/** A request held until the test answers it. */
export interface Held {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** An origin whose requests are answered by the test, or not at all. */
export function held(arrivals: Arrivals<Held>): Promise<Origin> {
  return origin((request, response) => arrivals.add({ request, response }));
}

/**
 * An origin that does not even refuse: nothing accepts the connections in its full queue. The
 * system then ignores connection attempts, like a firewall that drops packets.
 */
export async function silent(): Promise<Origin> {
  const program = `
    const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
      console.log(server.address().port);
      process.kill(process.pid, "SIGSTOP");
    });`;
  const child = adopt(spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] }));
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const port = Number(line);
  const sockets = new Set<Socket>();
  // Linux queues one more than the backlog.
  for (let i = 0; i < 2; i++) {
    const socket = connect({ host: "127.0.0.1", port }).on("error", () => {});
    sockets.add(socket);
    await once(socket, "connect");
  }
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      child.kill("SIGKILL");
      await once(child, "close");
    },
  };
}
