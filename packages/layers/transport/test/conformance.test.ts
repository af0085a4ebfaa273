import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createServer as createHttp2Server, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { bodyFrom, httpRequest } from "@pagoda/http";
import { serviceConformance } from "@pagoda/http/testing";
import { transport, type TransportOptions } from "@pagoda/transport";
import { describe, test } from "vitest";

/** Below the runner's timeout, which would not name the rule. */
const limitMs = 9_000;

describe.each([
  ["HTTP/1.1", {}],
  ["HTTP/2", { protocol: "http2" }],
] satisfies [string, TransportOptions][])("transport over %s", (_name, options) => {
  serviceConformance(test, () => made(options, ""), { limitMs });

  describe("with a body in chunks", () => {
    serviceConformance(test, () => made(options, "body"), { limitMs });
  });
});

/** A transport with its own origin, which never answers `/unanswered` and breaks `/failing` off. */
async function made(options: TransportOptions, body: "" | "body") {
  const server: Server | Http2Server =
    options.protocol === "http2" ? createHttp2Server() : createServer({ keepAliveTimeout: 60_000 });
  const sessions = new Set<{ destroy(): void }>();
  server.on(options.protocol === "http2" ? "session" : "connection", (each) => sessions.add(each));
  server.on("request", (message, response) => {
    message.resume();
    if (message.url === "/unanswered") return;
    if (message.url === "/failing") message.socket.destroy();
    else response.end("some text");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const service = transport(url, options);
  const asked = (path: string) => () =>
    httpRequest(`${url}${path}`, body === "" ? {} : { method: "POST", body: bodyFrom(["some ", "bytes"]) });
  return {
    service,
    request: asked("/"),
    failing: asked("/failing"),
    unanswered: asked("/unanswered"),
    async close() {
      await service.close();
      for (const each of sessions) each.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
