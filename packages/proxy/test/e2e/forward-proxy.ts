import { createServer, type IncomingMessage, request } from "node:http";
import { connect, type Socket } from "node:net";
import { listen, type Origin } from "./origin.ts";

/** A forward proxy and what it was asked for: `CONNECT shop.test:443`, `GET http://shop.test/a`. */
export interface ForwardProxy extends Origin {
  readonly seen: string[];
  /** `user:password`; undefined: it asks for none. */
  credentials: string | undefined;
  /** The status with which it refuses everything. */
  refusal: number | undefined;
  /** The clients' ends of open tunnels. */
  readonly tunnels: ReadonlySet<Socket>;
}

/** Forwards requests to loopback, whatever host they name, and opens tunnels there. */
export async function forwardProxy(credentials?: string, port?: number): Promise<ForwardProxy> {
  const seen: string[] = [];
  const tunnels = new Set<Socket>();
  const server = createServer((message, response) => {
    const status = refused(message);
    if (status !== undefined) return void response.writeHead(status).end("the proxy says no");
    const { port, pathname, search } = new URL(message.url as string);
    const { "proxy-authorization": _, ...headers } = message.headers;
    const onward = request({ port, path: pathname + search, method: message.method, headers }, (answer) =>
      answer.pipe(response.writeHead(answer.statusCode as number, answer.headers)),
    );
    onward.on("error", () => response.writeHead(502).end("the proxy cannot reach it"));
    message.pipe(onward);
  });
  server.on("connect", (message: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on("error", () => {});
    const status = refused(message);
    if (status !== undefined) return void socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    const onward = connect(Number((message.url as string).split(":")[1]), "127.0.0.1", () => {
      tunnels.add(socket);
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    onward.on("error", () => socket.end("HTTP/1.1 502 No\r\n\r\n"));
    socket.once("close", () => {
      tunnels.delete(socket);
      onward.destroy();
    });
  });

  function refused({ method, url, headers }: IncomingMessage): number | undefined {
    seen.push(`${method} ${url}`);
    const { credentials, refusal } = proxy;
    if (credentials !== undefined) {
      const wanted = `Basic ${Buffer.from(credentials).toString("base64")}`;
      if (headers["proxy-authorization"] !== wanted) return 407;
    }
    return refusal;
  }

  const proxy: ForwardProxy = Object.assign(await listen(server, port), {
    seen,
    tunnels,
    credentials,
    refusal: undefined as number | undefined,
  });
  return proxy;
}
