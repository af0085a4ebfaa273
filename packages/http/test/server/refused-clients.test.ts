import { once } from "node:events";
import { connect } from "node:tls";
import { text } from "@pagoda/http";
import type { ServeOptions } from "@pagoda/http/server";
import { testAuthority } from "@pagoda/http/testing";
import { expect, test } from "vitest";
import { ask, client } from "./http2-client.ts";
import { eventually, head, served, Wire } from "./served.ts";

/** A server that records whom it has refused. */
async function recording(options: ServeOptions = {}) {
  const refused: string[] = [];
  const server = await served(() => text("yes"), {
    requestRefused: (status, _reason, by) => void refused.push(`${status} ${by}`),
    handshakeFailed: (reason, by) => void refused.push(`${reason} ${by}`),
    ...options,
  });
  return { server, refused };
}

test("the client of a refused request is reported over HTTP/1.1", async () => {
  const { server, refused } = await recording();
  await (await Wire.to(server, "no request\r\n\r\n")).rest();
  await (await Wire.to(server, head("GET /", "Expect: nothing"))).rest();
  expect(refused).toEqual(["400 127.0.0.1", "417 127.0.0.1"]);
});

test("the client of a refused request is reported over HTTP/2", async () => {
  const { server, refused } = await recording();
  await ask(client(server), { "x-large": "y".repeat(61_500) });
  expect(refused).toEqual(["431 127.0.0.1"]);
});

test("the client of a failed TLS handshake, or without one, is reported", async () => {
  const certificate = testAuthority().issue({ subject: "CN=a", names: "DNS:a.test" });
  const { server, refused } = await recording({
    tls: { certificates: [certificate], minVersion: "TLSv1.3" },
  });
  const socket = connect({ port: server.port, host: "127.0.0.1", maxVersion: "TLSv1.2" });
  await once(socket, "error");
  await eventually(() => refused.length === 1);
  expect(refused.splice(0)).toEqual([expect.stringMatching(/^ERR_SSL_UNSUPPORTED_PROTOCOL 127\.0\.0\.1$/)]);
  await (await Wire.to(server, head("GET /"))).rest();
  expect(refused).toEqual(["ERR_SSL_HTTP_REQUEST 127.0.0.1", "400 127.0.0.1"]);
});
