import { once } from "node:events";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { expect, test } from "vitest";
import { shop } from "./certified.ts";
import { configured, Folder, through } from "./configured.ts";
import { origin } from "./origin.ts";
import { type Pagoda, run, until } from "./program.ts";

const routes = [{ name: "all", respond: { status: 200, body: "yes" } }];

async function send(url: string, text: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.resume();
  socket.on("error", () => {});
  socket.write(text);
  await once(socket, "close");
}

/** What `pagoda why` lists of the reason `unread`, when there are that many. */
async function unread(pagoda: Pagoda, count: number): Promise<string> {
  const { output } = await until(
    () => run({}, "why", "--all", "--reason", "unread", "--admin", pagoda.adminUrl),
    ({ output: text }) => text.split("\n").length === count + 1,
  );
  return output;
}

test("requests that the server refuses before any policy are kept apart, with reason and client", async () => {
  using folder = new Folder();
  const config = {
    clusters: {},
    listeners: [{ name: "main", address: "127.0.0.1:0", timeouts: { head: "50ms" }, routes }],
  };
  await using pagoda = await configured(folder, config);
  await send(pagoda.url, "no request\r\n\r\n");
  await send(pagoda.url, `GET /?secret HTTP/1.1\r\nhost: a\r\n${"x: y\r\n".repeat(100)}\r\n`);
  await send(pagoda.url, "GET / HTTP/1.1\r\n");
  const listed = await unread(pagoda, 3);
  expect(listed).toMatch(
    /unread request of 127\.0\.0\.1 → 400: refused before any policy: malformed request$/m,
  );
  expect(listed).toMatch(/→ 431: refused before any policy: more than 100 header fields$/m);
  expect(listed).toMatch(/→ 408: refused before any policy: /);
  expect(listed).not.toContain("secret");
  const [, id] = /^\S+ {2}(\S+) .* 431: /m.exec(listed) as unknown as [string, string];
  const { output } = await run({}, "why", id, "--admin", pagoda.adminUrl);
  expect(output).toContain("listener main, worker 0, client 127.0.0.1\n");
  expect(output).toContain('hint: http_requests_refused_total{status="431"} counts these');
  // What anyone on the network can send does not hide what happened to requests.
  const last = await run({}, "why", "--last", "--admin", pagoda.adminUrl);
  expect(last).toMatchObject({ code: 1, output: "no requests are kept that match\n" });
});

test("failed TLS handshakes are kept with reason and client", async () => {
  using folder = new Folder();
  const tls = {
    certificates: [
      {
        certificate: folder.write("cert.pem", shop.certificate),
        key: folder.write("key.pem", shop.key),
      },
    ],
    minVersion: "TLSv1.3",
  };
  const config = { clusters: {}, listeners: [{ name: "main", address: "127.0.0.1:0", tls, routes }] };
  await using pagoda = await configured(folder, config);
  const { hostname, port } = new URL(pagoda.url);
  const socket = connectTls({ host: hostname, port: Number(port), maxVersion: "TLSv1.2" });
  await once(socket, "error");
  const listed = await unread(pagoda, 1);
  expect(listed).toMatch(
    /TLS handshake of 127\.0\.0\.1 → no response: refused before any policy: ERR_SSL_UNSUPPORTED_PROTOCOL/,
  );
});

test("an upload that is too slow is told as cut off, not as a client that left", async () => {
  using folder = new Folder();
  await using reading = await origin((message) => void message.resume());
  const timeouts = { body: { grace: "50ms", minRate: "1MiB/s" } };
  await using pagoda = await configured(folder, through({ endpoints: [reading.url] }, { timeouts }));
  await send(pagoda.url, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nx");
  const { output } = await until(
    () => run({}, "why", "--last", "--admin", pagoda.adminUrl),
    ({ code }) => code === 0,
  );
  expect(output).toMatch(/^[\d.]+ m?s ago: POST a\/ → .*: cut off by the proxy: the body /);
  const all = await pagoda.admin("/requests");
  expect(JSON.parse(all.text)).toHaveLength(1);
});
