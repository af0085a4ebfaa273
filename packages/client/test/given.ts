import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { client, type ClientOptions } from "@pagoda/client";
import type { Service } from "@pagoda/core";
import { type MockCall, mockService, virtualClock } from "@pagoda/core/testing";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { onTestFinished } from "vitest";

export interface Down {
  readonly _tag: "Down";
  readonly origin: "upstream";
  readonly retryable: boolean;
}

/** A failure of the origin that may pass. */
export const down: Down = { _tag: "Down", origin: "upstream", retryable: true };

/** A client in virtual time whose hosts are all answered by one mock. Waits are half of their bound. */
export function scripted<const Options extends ClientOptions>(options: Options) {
  const clock = virtualClock();
  const mock = mockService<HttpRequest, HttpResponse, Down>();
  const connected: string[] = [];
  const closed: string[] = [];
  const api = client({
    baseUrl: "http://shop.example",
    clock,
    random: () => 0.5,
    connect: (origin: string) => {
      connected.push(origin);
      return { ...mock.service, close: async () => closed.push(origin) };
    },
    ...options,
  });
  return { api, clock, mock, connected, closed };
}

export type Call = MockCall<HttpRequest, HttpResponse, Down>;

/** A service that answers each call at once. */
export function answering(
  answer: (request: HttpRequest) => HttpResponse,
): Service<HttpRequest, HttpResponse> {
  return {
    ready: () => undefined,
    call: (request) => Promise.resolve({ _tag: "Right", right: answer(request) }),
    describe: () => ({ name: "answering" }),
  };
}

/** A server of Node's own, and the sockets that its clients have opened. */
export async function startOrigin(answer: RequestListener) {
  const open = new Set<Socket>();
  let opened = 0;
  const server = createServer({ keepAliveTimeout: 0 }, answer);
  server.on("connection", (socket) => {
    opened++;
    open.add(socket);
    socket.on("close", () => open.delete(socket));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, open, opened: () => opened };
}
