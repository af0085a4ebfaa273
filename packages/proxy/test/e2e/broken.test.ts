import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:http2";
import type { Socket } from "node:net";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { head, Wire } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { Arrivals, held, type Held, type Origin, rawOrigin } from "./origin.ts";
import { Pagoda, until } from "./program.ts";
import { curl, needs } from "./system.ts";

let upstream: Origin;
let pagoda: Pagoda;

/** For tests that share a proxy in front of one origin. */
function withUpstream(start: () => Promise<Origin>): void {
  beforeAll(async () => {
    upstream = await start();
    pagoda = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: upstream.url, LOG_LEVEL: "debug" });
    return async () => {
      await pagoda[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    };
  });
  afterEach(async () => {
    // Whatever broke, no call leaks.
    await until(
      () => pagoda.metric("http_requests_in_flight"),
      (calls) => calls === 0,
    );
    const { text } = await pagoda.admin("/stack");
    expect(text).toContain('"pending":0');
  });
}

describe("a client disconnect aborts the upstream call", () => {
  const arrivals = new Arrivals<Held>();
  withUpstream(() => held(arrivals));

  test("before the response head", async () => {
    using wire = new Wire(pagoda.url);
    wire.send("GET /before HTTP/1.1\r\nhost: a\r\n\r\n");
    const { response } = await arrivals.next();
    const closed = once(response, "close");
    wire.socket.destroy();
    await closed;
    expect(response.writableEnded).toBe(false);
    await until(
      () => pagoda.metric("http_requests_total", { status: "499" }),
      (count) => count === 1,
    );
  });

  test.each([
    ["length", { "content-length": "1000000" }],
    ["chunks", {}],
  ])("in the middle of a response with %s", async (_what, headers) => {
    using wire = new Wire(pagoda.url);
    wire.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    const { response } = await arrivals.next();
    response.writeHead(200, headers);
    response.write("a piece");
    await wire.receives("a piece");
    const closed = once(response, "close");
    wire.socket.destroy();
    await closed;
  });

  test("while the client does not read", async () => {
    using wire = new Wire(pagoda.url);
    wire.socket.pause();
    wire.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    const { response } = await arrivals.next();
    const closed = once(response, "close");
    // More than all buffers on the way hold.
    response.write(Buffer.alloc(128 * 1_048_576));
    wire.socket.destroy();
    await closed;
    expect(response.writableFinished).toBe(false);
  });

  test.each([
    ["length", "content-length: 1000000\r\n\r\na piece"],
    ["chunks", "transfer-encoding: chunked\r\n\r\n7\r\na piece\r\n"],
  ])("in the middle of an upload with %s", async (_what, upload) => {
    using wire = new Wire(pagoda.url);
    wire.send(`PUT / HTTP/1.1\r\nhost: a\r\n${upload}`);
    const { request } = await arrivals.next();
    const [piece] = (await once(request, "data")) as [Buffer];
    expect(piece.toString()).toBe("a piece");
    const broken = once(request, "error");
    wire.socket.destroy();
    await broken;
    expect(request.complete).toBe(false);
  });

  test("in the middle of an upload that the origin does not read", async () => {
    const upload = request(pagoda.url, { method: "PUT" }).on("error", () => {});
    // More than all buffers on the way hold.
    upload.write(Buffer.alloc(64 * 1_048_576));
    const { request: arrived, response } = await arrivals.next();
    const closed = once(response, "close");
    await once(arrived, "readable");
    upload.destroy();
    arrived.on("error", () => {}).resume();
    await closed;
    expect(arrived.complete).toBe(false);
  });

  test("but a response sent before the upload ends is delivered", async () => {
    const upload = request(pagoda.url, { method: "PUT" }).on("error", () => {});
    upload.write(Buffer.alloc(1_048_576));
    const { request: arrived, response: answer } = await arrivals.next();
    // It keeps reading, as it must to be heard: closing a connection with unread bytes resets it.
    arrived.on("error", () => {}).resume();
    answer.writeHead(413).end("too large");
    const [response] = (await once(upload, "response")) as [IncomingMessage];
    expect(response.statusCode).toBe(413);
    expect(Buffer.concat(await response.toArray()).toString()).toBe("too large");
    expect(response.headers.connection).toBe("close");
    upload.destroy();
  });
});

describe("a truncated response is an error for the client, not a short success", () => {
  const sockets = new Arrivals<Socket>();
  let half = "";
  withUpstream(() =>
    rawOrigin((socket) => {
      socket.on("data", () => {
        sockets.add(socket);
        socket.write(`HTTP/1.1 200 OK\r\n${half}`);
      });
    }),
  );
  needs("curl");

  const framings = [
    ["length", "content-length: 1000\r\n\r\nhalf of it"],
    ["chunks", "transfer-encoding: chunked\r\n\r\na\r\nhalf of it\r\n"],
    ["chunks, within one", "transfer-encoding: chunked\r\n\r\nff\r\nhalf of it"],
  ] as const;
  const deaths = [
    ["closes", (socket: Socket) => void socket.end()],
    ["is killed", (socket: Socket) => void socket.resetAndDestroy()],
  ] as const;
  const all = framings.flatMap(([framing, text]) =>
    deaths.map(([death, die]) => [framing, death, text, die] as const),
  );

  test.each(all)("%s; the origin %s: curl", async (_framing, _death, text, die) => {
    half = text;
    const { promise: heard, resolve } = Promise.withResolvers<string>();
    const result = curl(["-N", pagoda.url], { heard: resolve });
    const socket = await sockets.next();
    expect(await heard).toBe("half of it");
    die(socket);
    // CURLE_PARTIAL_FILE.
    expect(await result).toMatchObject({ code: 18 });
  });

  test.each(all)("%s; the origin %s: fetch", async (_framing, _death, text, die) => {
    half = text;
    const response = await fetch(pagoda.url);
    expect(response.status).toBe(200);
    const body = response.text();
    die(await sockets.next());
    await expect(body).rejects.toThrow("terminated");
  });

  test("and closes the connection before the next response", async () => {
    half = framings[0][1];
    using wire = new Wire(pagoda.url);
    const dead = sockets.next().then((socket) => socket.end());
    wire.send("GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await dead;
    await wire.closed;
    (await sockets.next()).destroy();
    // A second response on this connection would be read as the rest of the first.
    expect(wire.text.match(/HTTP\/1\.1/g) ?? []).toHaveLength(1);
  });

  test("and a response aborted by the client does not free its connection for reuse", async () => {
    half = framings[0][1];
    (await head(pagoda.url)).destroy();
    const first = await sockets.next();
    await once(first, "close");
    const second = await head(pagoda.url);
    expect(await sockets.next()).not.toBe(first);
    second.destroy();
  });
});

test("defect: an endpoint that truncated its bodies counted as healthy", async () => {
  let calls = 0;
  const answer = (message: string): string => `HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n${message}`;
  await using bad = await rawOrigin((socket) => {
    socket.on("data", () => {
      // Alternating and fast: no consecutive failures, but too few successes.
      if (++calls % 2 === 0) socket.end(answer("short"));
      else socket.write(answer("0123456789"));
    });
  });
  using folder = new Folder();
  const policies = { circuitBreaker: { open: "60s" } };
  await using proxy = await configured(folder, through({ endpoints: [bad.url], policies }));
  const answers = [];
  for (let n = 0; n < 40 && answers.at(-1) !== 503; n++) {
    const { status, ok } = await whole(proxy.url);
    answers.push(ok ? status : "broken");
  }
  expect(answers.filter((each) => each === "broken").length).toBeGreaterThan(1);
  expect(answers.at(-1)).toBe(503);
  expect(await proxy.log("circuit opened")).toMatchObject({ endpoint: bad.url, reason: "success-rate" });
});

/** Makes a call and returns whether its body was complete. */
async function whole(url: string): Promise<{ readonly status: number; readonly ok: boolean }> {
  const response = await fetch(url);
  return response.text().then(
    () => ({ status: response.status, ok: true }),
    () => ({ status: response.status, ok: false }),
  );
}

describe("defect: data sent before an upstream reset was lost:", () => {
  test.each([
    ["in chunks", "transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"],
    ["of announced length", "content-length: 10\r\n\r\nhalf"],
  ])("a body %s", async (_, rest) => {
    await using bad = await rawOrigin((socket) => {
      socket.on("data", () => socket.write(`HTTP/1.1 200 OK\r\n${rest}`, () => socket.resetAndDestroy()));
    });
    await using proxy = await Pagoda.start({ PROXY_UPSTREAM_ADDRS: bad.url });
    const plain = connect(proxy.url).on("error", () => {});
    for (let n = 0; n < 20; n++) {
      using wire = new Wire(proxy.url);
      wire.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      await wire.receives("half");
      await wire.closed;
      expect(wire.text).not.toContain("\r\n0\r\n");

      const stream = plain.request({ ":path": "/" });
      let text = "";
      stream.setEncoding("latin1").on("data", (piece: string) => (text += piece));
      await once(stream, "close").catch(() => {});
      expect([text, stream.rstCode]).toEqual(["half", 2]);
    }
    plain.destroy();
  });
});
