import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createServer as createHttp2Server, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { bodyFrom, httpRequest } from "@pagoda/http";
import { serviceConformance } from "@pagoda/http/testing";
import { undici } from "@pagoda/undici";
import { Agent, H2CClient } from "undici";
import { describe, test } from "vitest";

describe.each(["http1", "http2"] as const)("undici over %s", (protocol) => {
  serviceConformance(test, () => made(protocol, ""), { limitMs: 9_000 });

  describe("with a body in chunks", () => {
    serviceConformance(test, () => made(protocol, "body"), { limitMs: 9_000 });
  });
});

/** A client with its own origin, which never answers `/unanswered` and breaks `/failing` off. */
async function made(protocol: "http1" | "http2", body: "" | "body") {
  const isHttp2 = protocol === "http2";
  const server: Server | Http2Server = isHttp2 ? createHttp2Server() : createServer();
  const connections = new Set<{ destroy(): void }>();
  server.on(isHttp2 ? "session" : "connection", (each) => connections.add(each));
  server.on("request", (message, response) => {
    message.resume();
    if (message.url === "/unanswered") return;
    if (message.url === "/failing") message.socket.destroy();
    else response.end("some text");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const dispatcher = isHttp2 ? new H2CClient(url) : new Agent({ allowH2: false });
  const asked = (path: string) => () =>
    httpRequest(`${url}${path}`, body === "" ? {} : { method: "POST", body: bodyFrom(["some ", "bytes"]) });
  return {
    service: undici(dispatcher),
    request: asked("/"),
    failing: asked("/failing"),
    unanswered: asked("/unanswered"),
    async close() {
      await dispatcher.destroy();
      for (const each of connections) each.destroy();
      server.close();
    },
  };
}
