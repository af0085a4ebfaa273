import { once } from "node:events";
import { constants } from "node:http2";
import { bodyFrom, HttpHeaders, type HttpRequest, httpResponse, text } from "@pagoda/http";
import { settled, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { observed, Source } from "../bodies.ts";
import { answerTo, ask, client } from "./http2-client.ts";
import { eventually, head, served, Wire } from "./served.ts";

describe("a request over HTTP/2", () => {
  test("reaches the stack like one over HTTP/1.1", async () => {
    let seen: HttpRequest | undefined;
    const server = await served((request) => {
      seen = request;
      return text("yes");
    });
    const session = client(server);
    const { headers, body } = await ask(session, {
      ":path": "/a//b?c=%20&d",
      ":method": "QUERY",
      "x-y": ["1", "2"],
      cookie: ["a=1", "b=2"],
    });
    expect([headers[":status"], headers["content-length"], body]).toEqual([200, "3", "yes"]);
    expect(seen).toMatchObject({
      method: "QUERY",
      scheme: "http",
      authority: `127.0.0.1:${server.port}`,
      path: "/a//b",
      query: "?c=%20&d",
      version: "2",
      peer: { address: "127.0.0.1", port: session.socket.localPort },
    });
    const fields = ["host", `127.0.0.1:${server.port}`, "x-y", "1", "x-y", "2", "cookie", "a=1; b=2"];
    expect(seen?.headers.raw).toEqual(fields);
  });

  test("shares a connection with other requests and the port with HTTP/1.1", async () => {
    const answers: (() => void)[] = [];
    const server = await served(
      ({ path }) => new Promise((resolve) => answers.push(() => resolve(text(path)))),
    );
    const session = client(server);
    const all = ["/a", "/b", "/c"].map((path) => ask(session, { ":path": path }));
    const other = await Wire.to(server, head("GET /d"));
    await eventually(() => answers.length === 4);
    expect([server.connections, server.inFlight]).toEqual([2, 4]);
    for (const answer of answers.toReversed()) answer();
    expect((await Promise.all(all)).map(({ body }) => body)).toEqual(["/a", "/b", "/c"]);
    expect(await other.until("/d")).toContain("HTTP/1.1 200");
  });

  test("is detected even if the preface arrives byte by byte", async () => {
    const server = await served(() => text("yes"));
    const wire = await Wire.to(server);
    // The preface and empty settings.
    for (const byte of "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0") {
      wire.send(byte);
      await settled();
    }
    // The server acknowledges with an empty SETTINGS frame (type 4).
    expect(await wire.until("\0\0\0\x04\x01\0\0\0\0")).not.toContain("HTTP/1.1");
  });

  test("is refused where only HTTP/1.1 is enabled, and vice versa", async () => {
    const refused: string[] = [];
    const requestRefused = (status: number, reason: string) => void refused.push(`${status} ${reason}`);
    const one = await served(() => text("yes"), { protocols: ["http1"], requestRefused });
    const wire = await Wire.to(one, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    expect(await wire.rest()).toMatch(/^HTTP\/1.1 400/);
    expect(refused).toEqual(["400 malformed request"]);
    const two = await served(() => text("yes"), { protocols: ["http2"] });
    expect((await ask(client(two), {})).body).toBe("yes");
    const old = await Wire.to(two, head("GET /"));
    expect(await old.rest()).not.toContain("HTTP/1.1");
  });

  test("carries bodies and trailers in both directions", async () => {
    const server = await served(async ({ body }) => {
      const stream = new Source();
      const pieces: string[] = [];
      body.pipe({
        write: (chunk) => pieces.push(Buffer.from(chunk).toString()) > 0,
        end: (trailers) => {
          stream.write(pieces.join(""));
          stream.end(HttpHeaders.of({ "X-Got": trailers.get("x-sum") ?? "", connection: "close" }));
        },
        fail: () => stream.break(),
      });
      return httpResponse(200, stream);
    });
    const stream = client(server).request({ ":method": "POST" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "7" }));
    stream.end("ab");
    const { body, trailers, code } = await answerTo(stream);
    expect([body, trailers?.["x-got"], trailers?.["connection"], code]).toEqual(["ab", "7", undefined, 0]);
  });

  test("receives informational responses, and 100 when its body is first read", async () => {
    const server = await served(async ({ body, onInformation }) => {
      onInformation?.(103, HttpHeaders.of({ Link: "</a>" }));
      const whole = await body.text();
      return text(whole._tag === "Right" ? whole.right : "broken");
    });
    const session = client(server);
    const stream = session.request({ ":method": "POST", expect: "100-continue" }, { endStream: false });
    const hints: (string | undefined)[] = [];
    stream.on("headers", (fields) => void hints.push(`${fields[":status"]} ${fields["link"]}`));
    stream.once("continue", () => stream.end("body"));
    expect((await answerTo(stream)).body).toBe("body");
    expect(hints).toEqual(["103 </a>", "100 undefined"]);
  });

  test.each([
    ["HEAD", 200],
    ["GET", 204],
    ["GET", 304],
  ])("%s answered with %d has no body and no false Content-Length", async (method, status) => {
    const stream = bodyFrom(["streamed"]);
    const ended = observed(stream);
    const server = await served(() => httpResponse(status, stream, { "content-length": "8" }));
    const { headers, body, code } = await ask(client(server), { ":method": method });
    expect([headers[":status"], body, code]).toEqual([status, "", 0]);
    expect(headers["content-length"]).toBe(status === 204 ? undefined : "8");
    expect(ended).toEqual([false]);
  });

  test("that is answered early is read for 2 s, then reset without an error", async () => {
    const clock = virtualClock();
    const server = await served(
      ({ path }) =>
        path === "/s" ? httpResponse(200, bodyFrom(["no"])) : httpResponse(200, path === "/" ? "no" : ""),
      { clock },
    );
    for (const path of ["/", "/s", "/empty"]) {
      const stream = client(server).request({ ":method": "POST", ":path": path }, { endStream: false });
      const answer = answerTo(stream);
      stream.write("some");
      await once(stream, "response");
      stream.write("more");
      await eventually(() => clock.pending === 2);
      await clock.advance(2_000);
      const { headers, body, code } = await answer;
      expect([headers[":status"], body, code]).toEqual([
        200,
        path === "/empty" ? "" : "no",
        constants.NGHTTP2_NO_ERROR,
      ]);
      await eventually(() => server.inFlight === 0);
    }
  });

  test("defect: a client that had not ended its request did not receive a response without a body", async () => {
    const server = await served(({ body }) => {
      body.cancel();
      return httpResponse(403);
    });
    const stream = client(server).request({ ":method": "POST" }, { endStream: false });
    const answer = answerTo(stream);
    stream.write("some");
    await once(stream, "response");
    stream.end();
    expect((await answer).headers[":status"]).toBe(403);
  });

  test("applies backpressure while its body is not read", async () => {
    let read = (): void => {};
    const wait = new Promise<void>((resolve) => (read = resolve));
    const server = await served(async ({ body }) => {
      await wait;
      const whole = await body.bytes({ maxBytes: 10_000_000 });
      return text(String(whole._tag === "Right" ? whole.right.length : whole.left._tag));
    });
    const stream = client(server).request({ ":method": "POST" }, { endStream: false });
    const answer = answerTo(stream);
    stream.end(Buffer.alloc(5_000_000));
    await eventually(() => server.inFlight === 1);
    for (let turn = 0; turn < 50; turn++) await settled();
    expect(stream.writableFinished).toBe(false);
    read();
    expect((await answer).body).toBe("5000000");
  });

  test("applies backpressure to the source while its client does not read", async () => {
    let given = 0;
    const server = await served(() => {
      async function* endless(): AsyncGenerator<Uint8Array> {
        for (;;) {
          given += 100_000;
          yield Buffer.alloc(100_000);
        }
      }
      return httpResponse(200, bodyFrom(endless()));
    });
    const stream = client(server).request({});
    stream.on("error", () => {});
    await once(stream, "response");
    for (let turn = 0; turn < 100; turn++) await settled();
    expect(given).toBeLessThan(2_000_000);
    stream.close(constants.NGHTTP2_CANCEL);
    await eventually(() => server.inFlight === 0);
  });
});
