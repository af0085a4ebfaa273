import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createServer as createHttp2Server, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import type { DefineTest, LeafUnderTest, ServiceConformanceOptions } from "@pagoda/core/testing";
import { bodyFrom } from "../../body-from.ts";
import { type HttpRequest, httpRequest, type HttpResponse } from "../../message.ts";
import { serviceConformance } from "../service-conformance.ts";
import type { MakeClient } from "./client-bench.ts";

/**
 * Runs `serviceConformance` for an HTTP client: over HTTP/1.1 and HTTP/2, for requests without and
 * with a body. Run `clientContract` as well.
 */
export function clientConformance(
  test: DefineTest,
  makeClient: MakeClient,
  options?: ServiceConformanceOptions,
): void {
  for (const protocol of ["http1", "http2"] as const)
    for (const body of ["", "with a body in chunks, "])
      serviceConformance(
        (rule, run) => test(`over ${protocol}, ${body}${rule}`, run),
        () => leaf(makeClient, protocol, body !== ""),
        options,
      );
}

/** A client with its own origin, which never answers `/unanswered` and breaks `/failing` off. */
async function leaf(
  makeClient: MakeClient,
  protocol: "http1" | "http2",
  hasBody: boolean,
): Promise<LeafUnderTest<HttpRequest, HttpResponse>> {
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
  const { service, close } = makeClient(url, { protocol });
  const asked = (path: string) => () =>
    httpRequest(`${url}${path}`, hasBody ? { method: "POST", body: bodyFrom(["some ", "bytes"]) } : {});
  return {
    service,
    request: asked("/"),
    failing: asked("/failing"),
    unanswered: asked("/unanswered"),
    async close() {
      await close();
      for (const each of connections) each.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
