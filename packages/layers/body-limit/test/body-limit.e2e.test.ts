import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { type Either, isLeft, right, service, ServiceBuilder, thenResult } from "@pagoda/core";
import { type BodyTooLarge, type HttpRequest, type HttpResponse, text } from "@pagoda/http";
import { type HttpServer, serve } from "@pagoda/http/server";
import { bodyLimit } from "@pagoda/body-limit";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

const maxBytes = 100_000;
let server: HttpServer;
/** What inner read of each body. */
let seen: string[];

beforeAll(async () => {
  const stack = new ServiceBuilder<HttpRequest>()
    .adapt(
      thenResult(async (result: Either<BodyTooLarge, HttpResponse>) =>
        isLeft(result) ? right(text(`over ${result.left.maxBytes} bytes`, 413)) : result,
      ),
    )
    .layer(bodyLimit({ maxBytes }))
    .service(
      service("photos", async ({ body }) => {
        const read = await body.bytes();
        seen.push(isLeft(read) ? read.left._tag : `${read.right.length} bytes`);
        return right(text("stored"));
      }),
    );
  const served = await serve(stack);
  if (isLeft(served)) throw new Error(served.left.code);
  server = served.right;
});

beforeEach(() => {
  seen = [];
});

afterAll(() => server.close());

/** Sends each part once the response to the parts before it has matched, and returns all responses. */
async function talk(...parts: readonly (string | RegExp)[]): Promise<string> {
  const { hostname, port } = new URL(server.url);
  const socket = connect({ host: hostname, port: Number(port) } satisfies Partial<AddressInfo> & {
    host: string;
  });
  // The server may close a connection on which it does not want the rest of a body.
  socket.on("error", () => {});
  await once(socket, "connect");
  let received = "";
  const ended = once(socket, "close");
  socket.on("data", (data: Buffer) => {
    received += data.toString();
    proceed();
  });
  const rest = [...parts];
  function proceed(): void {
    for (let next = rest[0]; next !== undefined; next = rest[0]) {
      if (typeof next === "string") socket.write(next);
      else if (!next.test(received)) return;
      rest.shift();
    }
    socket.end();
  }
  proceed();
  await ended;
  return received;
}

const post = (...fields: readonly string[]): string =>
  ["POST /photos HTTP/1.1", "Host: shop.example", ...fields, "", ""].join("\r\n");
const chunk = (length: number): string => `${length.toString(16)}\r\n${"x".repeat(length)}\r\n`;
const last = "0\r\n\r\n";
const done = /\r\n\r\n(?:stored|over 100000 bytes)/;

test("a client that announces too much gets 413 instead of 100 Continue", async () => {
  const head = post("Expect: 100-continue", `Content-Length: ${maxBytes + 1}`);
  const received = await talk(head, done);
  expect(received).toMatch(/^HTTP\/1\.1 413 /);
  expect(received).not.toContain("100 Continue");
  expect(seen).toEqual([]);
});

test("a client that announces as much as allowed may continue", async () => {
  const head = post("Expect: 100-continue", `Content-Length: ${maxBytes}`);
  const received = await talk(head, /100 Continue\r\n\r\n/, "x".repeat(maxBytes), done);
  expect(received).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
  expect(seen).toEqual([`${maxBytes} bytes`]);
});

test("a client that expects to continue is told to, and cut off at the limit", async () => {
  const head = post("Expect: 100-continue", "Transfer-Encoding: chunked");
  const received = await talk(head, /100 Continue\r\n\r\n/, chunk(maxBytes), chunk(1), done);
  expect(received).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 413 /);
  expect(seen).toEqual(["BodyBroken"]);
});

test.each([
  ["at the limit", [chunk(60_000), chunk(40_000), last], 200, `${maxBytes} bytes`],
  ["a byte over it", [chunk(60_000), chunk(40_001)], 413, "BodyBroken"],
])("a chunked body %s", async (_what, chunks, status, inner) => {
  const received = await talk(post("Transfer-Encoding: chunked"), ...chunks, done);
  expect(received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(seen).toEqual([inner]);
});

test("a short chunked body within the limit keeps the connection for the next request", async () => {
  const received = await talk(
    post("Transfer-Encoding: chunked") + chunk(5) + last,
    done,
    post(`Content-Length: ${maxBytes + 1}`),
    /over 100000 bytes/,
  );
  expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 413"]);
  expect(seen).toEqual(["5 bytes"]);
});
