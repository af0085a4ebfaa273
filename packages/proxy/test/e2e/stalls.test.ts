import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { expect, test } from "vitest";
import { call, Wire } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { origin } from "./origin.ts";

/** A client that reads nothing: HTTP/2 with a window of 0 bytes. */
function stalled(url: string): ClientHttp2Session & AsyncDisposable {
  const session = connect(url, { settings: { initialWindowSize: 0 } }).on("error", () => {});
  return Object.assign(session, {
    async [Symbol.asyncDispose]() {
      session.destroy();
    },
  });
}

/** Makes a request and returns the stream once the response head has arrived. */
async function ask(session: ClientHttp2Session): Promise<ClientHttp2Stream & { readonly status: unknown }> {
  const stream = session.request({}).on("error", () => {});
  const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
  return Object.assign(stream, { status: headers[":status"] });
}

const pool = { maxConnections: 8 };
const one = { workers: 1 };

test("clients that do not read their responses do not exhaust the upstream's connections", async () => {
  const body = Buffer.alloc(200_000);
  await using upstream = await origin((_request, response) => response.end(body));
  using folder = new Folder();
  await using pagoda = await configured(folder, { ...through({ endpoints: [upstream.url], pool }), ...one });
  const sessions = Array.from({ length: 4 }, () => stalled(pagoda.url));
  for (const session of sessions)
    for (let at = 0; at < 10; at++) expect((await ask(session)).status).toBe(200);
  for (let at = 0; at < 20; at++) {
    const { status, body: got } = await call(pagoda.url);
    expect([status, got.length]).toEqual([200, body.length]);
  }
  for (const session of sessions) session.destroy();
});

test("a client that reads too slowly is reset, and its upstream connection freed", async () => {
  const closed = Promise.withResolvers<void>();
  await using upstream = await origin((_request, response) => {
    response.once("close", () => closed.resolve());
    response.writeHead(200).write(Buffer.alloc(8 * 1_048_576));
  });
  using folder = new Folder();
  const timeouts = { response: { minRate: "1MiB/s", grace: "100ms" } };
  await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }, { timeouts }));
  await using session = stalled(pagoda.url);
  const stream = await ask(session);
  await once(stream, "close");
  expect(stream.rstCode).toBe(8);
  await closed.promise;
  expect(await pagoda.log(({ outcome }) => outcome === "cutOff")).toMatchObject({
    fault: { cause: { message: "reading the response was slower than 1048576 bytes per second" } },
  });
});

test.each([
  [
    "HTTP/1.1",
    async (url: string) => {
      using wire = new Wire(url);
      wire.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\na");
      await wire.closed;
      return Number(wire.text.split(" ")[1]);
    },
  ],
  [
    "HTTP/2",
    async (url: string) => {
      const session = connect(url);
      const stream = session.request({ ":method": "POST" }, { endStream: false });
      stream.write("a");
      const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
      session.destroy();
      return headers[":status"];
    },
  ],
])("a body sent too slowly over %s gets 408, and its upstream call is aborted", async (_version, post) => {
  const aborted = Promise.withResolvers<void>();
  await using upstream = await origin((message) => {
    message.on("error", () => {}).once("close", () => aborted.resolve());
    message.resume();
  });
  using folder = new Folder();
  // Long enough for the call to be made on a busy machine.
  const timeouts = { body: { grace: "1s" } };
  await using pagoda = await configured(folder, through({ endpoints: [upstream.url] }, { timeouts }));
  expect(await post(pagoda.url)).toBe(408);
  await aborted.promise;
  expect(await pagoda.metric("http_requests_refused_total")).toBe(1);
});

test("clientConcurrency bounds one client's requests, so slow bodies leave room for others", async () => {
  await using upstream = await origin((message, response) => {
    message.resume().once("end", () => response.end("done"));
  });
  using folder = new Folder();
  const policies = { clientConcurrency: { limit: 4 } };
  const config = { ...through({ endpoints: [upstream.url], pool }, { policies }), ...one };
  await using pagoda = await configured(folder, config);
  const trickling: ClientRequest[] = [];
  const refused: number[] = [];
  for (let at = 0; at < 20; at++) {
    const post = request(pagoda.url, { method: "POST", localAddress: "127.0.0.2", agent: false });
    post.on("error", () => {}).write("a");
    trickling.push(post);
    // Refused ones get responses and the others never do, so those without one are among the first
    // four.
    if (at >= 4) refused.push(((await once(post, "response")) as [IncomingMessage])[0].statusCode ?? 0);
  }
  expect(refused).toEqual(Array.from({ length: 16 }, () => 429));
  for (let at = 0; at < 20; at++) expect((await call(pagoda.url)).body).toBe("done");
  trickling[0]?.end();
  await once(trickling[0] as ClientRequest, "response");
  expect((await call(pagoda.url, { localAddress: "127.0.0.2" })).body).toBe("done");
  for (const post of trickling) post.destroy();
});
