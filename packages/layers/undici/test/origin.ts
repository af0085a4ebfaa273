import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { type AddressInfo, connect, type Server as NetServer } from "node:net";
import { isLeft, isRight, type Service } from "@pagoda/core";
import { httpRequest, type HttpRequest, type HttpResponse, type RequestInput } from "@pagoda/http";
import { type Dispatcher, MockAgent } from "undici";
import { onTestFinished } from "vitest";

/** A server that ends with its test. Returns its URL. */
export async function listen(server: NetServer, scheme = "http"): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    (server as Partial<Server>).closeAllConnections?.();
  });
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export function httpOrigin(answer: RequestListener): Promise<string> {
  return listen(createServer(answer));
}

/** An HTTP proxy. Forwards requests in absolute form, and opens tunnels. */
export async function httpProxy() {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    if (request.headers["proxy-authorization"] === undefined) response.writeHead(407).end("no");
    else response.writeHead(200, { "x-via": "proxy" }).end(request.url);
  });
  server.on("connect", (request: IncomingMessage, socket, head: Buffer) => {
    seen.push(request);
    const [host, port] = (request.url as string).split(":");
    const onward = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    onward.on("error", () => socket.destroy());
    socket.on("error", () => onward.destroy());
    onTestFinished(() => void socket.destroy());
  });
  return { url: await listen(server), seen };
}

/** Ends a dispatcher after the test. */
export function ending<D extends Dispatcher>(dispatcher: D): D {
  // A MockAgent can only be closed.
  onTestFinished(() => void (dispatcher instanceof MockAgent ? dispatcher.close() : dispatcher.destroy()));
  return dispatcher;
}

type Client = Service<HttpRequest, HttpResponse, unknown>;

export async function responseOf(client: Client, url: string, input?: RequestInput): Promise<HttpResponse> {
  const result = await client.call(httpRequest(url, input));
  if (isLeft(result)) throw new Error(JSON.stringify(result.left), { cause: result.left });
  return result.right;
}

export async function textOf(client: Client, url: string, input?: RequestInput): Promise<string> {
  const text = await (await responseOf(client, url, input)).body.text();
  if (isLeft(text)) throw new Error("the body is broken", { cause: text.left.cause });
  return text.right;
}

export async function faultOf(client: Client, request: HttpRequest): Promise<unknown> {
  const result = await client.call(request);
  if (isRight(result)) throw new Error(`no fault: ${result.right.status}`);
  return result.left;
}
