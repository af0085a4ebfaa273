import { once } from "node:events";
import { connect } from "node:http2";
import { describe, expect, test } from "vitest";
import { authzServer, type CheckRequest } from "./authz-server.ts";
import { call, Wire } from "./client.ts";
import { anywhere, configured, Folder } from "./configured.ts";
import { origin, rawOrigin } from "./origin.ts";

const target = ({ attributes }: CheckRequest): string => {
  const { method, host, path } = attributes?.request?.http ?? {};
  return `${method} ${host} ${path}`;
};

/** A gRPC authorization server that allows only what is public. */
const onlyPublic = () =>
  authzServer((request) => ({
    status: { code: /^\/public\b/.test(request.attributes?.request?.http?.path ?? "") ? 0 : 7 },
  }));

/** An origin that notes what reaches it. */
async function noting() {
  const seen: string[] = [];
  const site = await origin((request, response) => {
    seen.push(`${request.method} ${request.headers.host} ${request.url}`);
    request.resume().once("end", () => response.end("done"));
  });
  return Object.assign(site, { seen });
}

function guarded(site: string, authz: string, policy: object = {}, listener: object = {}): object {
  const extAuthz = { cluster: "authz", protocol: "grpc", ...policy };
  return {
    listeners: [
      { ...anywhere, routes: [{ name: "all", cluster: "origin", policies: { extAuthz } }], ...listener },
    ],
    clusters: { origin: { endpoints: [site] }, authz: { endpoints: [authz], protocol: "http2" } },
  };
}

describe("extAuthz", () => {
  test("what is authorized is what is sent, in whatever form it was requested", async () => {
    await using site = await noting();
    await using authz = await onlyPublic();
    using folder = new Folder();
    await using pagoda = await configured(folder, guarded(site.url, authz.url));
    for (const line of [
      "GET http://shop.example/public/a HTTP/1.1",
      "GET /public/%2e%2e/admin HTTP/1.1",
      "GET /public/..%2fadmin HTTP/1.1",
      "GET /public/a?/../../admin HTTP/1.1",
      "GET //public/a HTTP/1.1",
      "OPTIONS * HTTP/1.1",
    ]) {
      using wire = new Wire(pagoda.url);
      wire.send(`${line}\r\nHost: shop.example\r\nConnection: close\r\n\r\n`);
      await wire.closed;
    }
    const asked = authz.asked.map(target);
    expect(site.seen).toEqual(asked.filter((each) => each.includes(" /public")));
    expect(site.seen).toEqual([
      "GET shop.example /public/a",
      "GET shop.example /public/..%2fadmin",
      "GET shop.example /public/a?/../../admin",
    ]);
    expect(asked).toContain("GET shop.example /admin");
  });

  test("a refused upload hides no further request, and pipelined ones are decided one by one", async () => {
    await using site = await noting();
    await using authz = await onlyPublic();
    using folder = new Folder();
    const requestBody = { max: "16B", allowPartial: true };
    await using pagoda = await configured(folder, guarded(site.url, authz.url, { requestBody }));
    using wire = new Wire(pagoda.url);
    const hidden = "GET /public/hidden HTTP/1.1\r\nHost: shop.example\r\n\r\n";
    const upload = "x".repeat(16) + hidden.repeat(2_000);
    wire.send(
      `POST /admin HTTP/1.1\r\nHost: shop.example\r\nContent-Length: ${upload.length}\r\n\r\n${upload}`,
    );
    wire.send("GET /public/next HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    wire.send("GET /secret HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n");
    await wire.closed;
    expect(wire.text).toMatch(/^HTTP\/1\.1 403 /);
    expect(authz.asked.map(target).join(" ")).not.toContain("hidden");
    expect(site.seen.filter((each) => !each.endsWith("/public/next"))).toEqual([]);
  });

  test("an upload that stalls is ended, and neither server is called", async () => {
    await using site = await noting();
    await using authz = await onlyPublic();
    using folder = new Folder();
    const timeouts = { body: { grace: "200ms" } };
    const requestBody = { max: "1KiB" };
    await using pagoda = await configured(
      folder,
      guarded(site.url, authz.url, { requestBody }, { timeouts }),
    );
    using wire = new Wire(pagoda.url);
    wire.send("POST /public HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
    await wire.closed;
    expect(wire.text).toMatch(/^HTTP\/1\.1 408 /);
    expect([authz.asked, site.seen]).toEqual([[], []]);
  });

  test("a body that is too large gets 413, announced or not, and nobody is asked", async () => {
    await using site = await noting();
    await using authz = await onlyPublic();
    using folder = new Folder();
    await using pagoda = await configured(
      folder,
      guarded(site.url, authz.url, { requestBody: { max: "8B" } }),
    );
    for (const upload of [
      "Content-Length: 9\r\n\r\n123456789",
      "Transfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n0\r\n\r\n",
    ]) {
      using wire = new Wire(pagoda.url);
      wire.send(`POST /public HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${upload}`);
      await wire.closed;
      expect(wire.text).toMatch(/^HTTP\/1\.1 413 /);
    }
    expect([authz.asked, site.seen]).toEqual([[], []]);
  });

  test("no tunnel opens that was not authorized", async () => {
    await using site = await noting();
    await using authz = await onlyPublic();
    using folder = new Folder();
    await using pagoda = await configured(folder, guarded(site.url, authz.url));
    using wire = new Wire(pagoda.url);
    const upgrade = "Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13";
    wire.send(
      `GET /chat HTTP/1.1\r\nHost: a\r\n${upgrade}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
    await wire.closed;
    expect(wire.text).toMatch(/^HTTP\/1\.1 403 /);
    const session = connect(pagoda.url);
    const stream = session.request({ ":method": "CONNECT", ":authority": "db.example:5432" });
    stream.on("error", () => {});
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    expect(headers[":status"]).toBeGreaterThanOrEqual(400);
    session.destroy();
    expect(site.seen).toEqual([]);
  });

  test("hostile answers over HTTP count as failures, and endless ones end", async () => {
    await using site = await noting();
    const answers: Readonly<Record<string, string>> = {
      "bare-line-feed": "HTTP/1.1 200 OK\r\nx-user: ann\nx-admin: 1\r\n\r\n",
      "two-lengths": "HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-length: 5\r\n\r\n",
      "many-fields": `HTTP/1.1 200 OK\r\n${"x-user: ann\r\n".repeat(101)}content-length: 0\r\n\r\n`,
      "long-field": `HTTP/1.1 200 OK\r\nx-user: ${"a".repeat(100_000)}\r\ncontent-length: 0\r\n\r\n`,
      switching: "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
      "endless-head": "HTTP/1.1 200 OK\r\nx-user: a",
    };
    await using authz = await rawOrigin((socket) => {
      socket.once("data", (bytes: Buffer) => {
        const [, name = ""] = /\/([a-z-]+) /.exec(bytes.toString("latin1")) ?? [];
        if (name !== "endless-body") return void socket.write(answers[name] ?? "", "latin1");
        socket.write("HTTP/1.1 200 OK\r\nx-user: ann\r\ntransfer-encoding: chunked\r\n\r\n");
        const more = (): void => {
          while (!socket.destroyed && socket.write(`1000\r\n${"a".repeat(4_096)}\r\n`));
        };
        socket.on("drain", more);
        more();
      });
    });
    using folder = new Folder();
    const extAuthz = { cluster: "authz", copyHeaders: ["x-user"], timeout: "500ms" };
    await using pagoda = await configured(folder, {
      listeners: [{ ...anywhere, routes: [{ name: "all", cluster: "origin", policies: { extAuthz } }] }],
      clusters: { origin: { endpoints: [site.url] }, authz: { endpoints: [authz.url] } },
    });
    for (const name of Object.keys(answers))
      expect([name, (await call(`${pagoda.url}/${name}`)).status]).toEqual([name, 503]);
    expect(site.seen).toEqual([]);
    expect((await call(`${pagoda.url}/endless-body`)).status).toBe(200);
    while (authz.sockets.size > 0)
      await Promise.all(Array.from(authz.sockets, (socket) => once(socket, "close")));
  });
});
