import { createSecureServer, type ServerHttp2Stream } from "node:http2";
import { createServer } from "node:https";
import { testAuthority } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { http2 } from "./http2-origin.ts";
import { faultOf, listen, request, textOf } from "./origin.ts";

const { ca, issue } = testAuthority();
const { certificate: cert, key } = issue({ names: "DNS:localhost,IP:127.0.0.1" });

describe("HTTP/2 over TLS", () => {
  test("is negotiated by ALPN with a trusted certificate", async () => {
    const server = createSecureServer({ key, cert });
    server.on("stream", (stream: ServerHttp2Stream) => {
      stream.respond({ ":status": 200 });
      stream.end("safe");
    });
    const sessions = new Set<{ destroy(): void }>();
    server.on("session", (session) => sessions.add(session));
    const url = await listen(server, () => sessions.forEach((session) => session.destroy()), "https");
    expect(await textOf(http2(url, { tls: { ca } }).call(request()))).toBe("safe");
    const fault = await faultOf(http2(url).call(request()));
    expect(fault).toMatchObject({ _tag: "ConnectFailed", code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" });
  });

  test("does not fall back to HTTP/1.1", async () => {
    const server = createServer({ key, cert }, (_message, out) => out.end());
    server.on("tlsClientError", () => {});
    const url = await listen(server, () => server.closeAllConnections(), "https");
    expect(await faultOf(http2(url, { tls: { ca } }).call(request()))).toMatchObject({
      _tag: "ConnectFailed",
    });
  });
});
