import { once } from "node:events";
import { createServer, type IncomingMessage, request as nodeRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { isLeft, right, service, type Service } from "@pagoda/core";
import {
  HttpHeaders,
  type HttpRequest,
  httpRequest,
  httpResponse,
  type HttpResponse,
  StreamBody,
} from "@pagoda/http";
import { statusErrors } from "@pagoda/status-errors";
import { afterAll, beforeAll, expect, test } from "vitest";

let server: Server;
let origin: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    response.writeHead(503, { "retry-after": "2" });
    response.write("no lamp ");
    if (request.url === "/cut") setImmediate(() => response.destroy());
    else if (request.url === "/long") for (let n = 0; n < 100; n++) response.write("x".repeat(10_000));
    else response.end("is left");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const client: Service<HttpRequest, HttpResponse> = service("node", async ({ path }: HttpRequest, signal) => {
  const sent = nodeRequest(origin + path, { agent: false, ...(signal && { signal }) }).end();
  const [message] = (await once(sent, "response")) as [IncomingMessage];
  return right({
    ...httpResponse(message.statusCode ?? 0, new StreamBody(message)),
    headers: new HttpHeaders(message.rawHeaders),
  });
});

async function errorAt(path: string) {
  const result = await statusErrors()(client).call(httpRequest(origin + path));
  if (isLeft(result) && result.left._tag === "StatusError") return result.left;
  throw new Error("expected a StatusError");
}

test("a response over a socket becomes an error with its body", async () => {
  const error = await errorAt("/");
  expect(error).toMatchObject({ status: 503, retryable: true, retryAfterMs: 2_000, isBodyCut: false });
  expect(await error.body.text()).toEqual(right("no lamp is left"));
});

test("an error keeps the beginning of a body that breaks off", async () => {
  const error = await errorAt("/cut");
  expect(error.isBodyCut).toBe(true);
  expect(await error.body.text()).toEqual(right("no lamp "));
});

test("a long body is cut and its connection closed", async () => {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  server.once("connection", (socket) => socket.on("error", () => {}).on("close", () => resolve()));
  const error = await errorAt("/long");
  expect(error.body.length).toBe(16_384);
  await closed;
});
