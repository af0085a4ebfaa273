import { bodyFrom, httpResponse, text } from "@pagoda/http";
import { settled, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { Sink, Source } from "../bodies.ts";
import { answerTo, ask, client } from "./http2-client.ts";
import { eventually, head, served, statuses, Wire } from "./served.ts";

/** Everything that a server which reads the body responds to these bytes. */
async function responseTo(...request: string[]): Promise<string> {
  const server = await served(async ({ body }) => {
    await body.text();
    return text("yes");
  });
  return (await Wire.to(server, ...request)).rest();
}

const post = (...fields: string[]): string =>
  `${head("POST /", "Content-Length: 2", "Connection: close", ...fields)}ab`;

describe("Expect (RFC 9110, 10.1.1)", () => {
  test.each([
    ["Expect: 100-continue"],
    ["Expect: 100-Continue"],
    ["Expect:  100-continue,100-continue ,"],
    ["Expect: 100-continue", "Expect: 100-continue"],
  ])("asks for 100 Continue: %s", async (...fields) => {
    expect(statuses(await responseTo(post(...fields)))).toEqual([100, 200]);
  });

  test.each([["Expect:"], ["Expect: ,"]])("asks for nothing: %s", async (...fields) => {
    expect(statuses(await responseTo(post(...fields)))).toEqual([200]);
  });

  test.each([
    ["Expect: 100-continue, miracles"],
    ["Expect: miracles", "Expect: 100-continue"],
    ["Expect: 100-continue;a=b"],
    ["Expect: 100-continues"],
  ])("with an unknown expectation is refused: %s", async (...fields) => {
    expect(statuses(await responseTo(post(...fields)))).toEqual([417]);
  });

  test("does not apply to HTTP/1.0", async () => {
    const request = "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab";
    expect(statuses(await responseTo(request))).toEqual([200]);
  });

  test.each([
    ["100-continue", 200],
    ["100-Continue, 100-continue", 200],
    ["", 200],
    ["100-continue, miracles", 417],
  ])("over HTTP/2 reads %j the same way: %d", async (expectation, status) => {
    const server = await served(async ({ body }) => {
      await body.text();
      return text("yes");
    });
    const { headers } = await ask(client(server), { ":method": "POST", expect: expectation }, "ab");
    expect(headers[":status"]).toBe(status);
  });
});

describe("HEAD (RFC 9110, 9.3.2)", () => {
  test.each([
    ["a string", () => text("hello"), "5"],
    [
      "a body whose length is known",
      () => ({ ...text(""), body: Object.assign(bodyFrom(["ab"]), { length: 2 }) }),
      "2",
    ],
    ["a Content-Length of the service", () => text("", 200, { "content-length": "7" }), "7"],
    ["no body", () => httpResponse(200), undefined],
    ["304", () => httpResponse(304, "hello"), undefined],
  ])("gets the length of %s and no body", async (_name, answer, length) => {
    const server = await served(answer);
    const wire = await Wire.to(server, head("HEAD /", "Connection: close"));
    const response = await wire.rest();
    expect(/\r\ncontent-length: (\d+)\r\n/i.exec(response)?.[1]).toBe(length);
    expect(response).toMatch(/\r\n\r\n$/);
    const { headers, body } = await ask(client(server), { ":method": "HEAD" });
    expect([headers["content-length"], body]).toEqual([length, ""]);
  });
});

describe("a message head", () => {
  test.each(["GET", "HEAD"])("keeps its bytes when the body follows later: %s", async (method) => {
    const source = new Source();
    const server = await served(() => httpResponse(200, source, { "x-name": "\xc3\xa5\xff" }));
    const wire = await Wire.to(server, head(`${method} /`));
    expect(await wire.until("\r\n\r\n")).toContain("x-name: \xc3\xa5\xff\r\n");
  });

  test("keeps its bytes in informational responses and trailers", async () => {
    const server = await served(({ onInformation }) => {
      onInformation?.(103, httpResponse(200, "", { "x-name": "\xc3\xa5" }).headers);
      const source = new Source();
      queueMicrotask(() => source.end(httpResponse(200, "", { "x-sum": "\xc3\xa5" }).headers));
      return httpResponse(200, source);
    });
    const wire = await Wire.to(server, head("GET /", "Connection: close"));
    const all = await wire.rest();
    expect(all).toMatch(/\r\n0\r\nx-sum: \xc3\xa5\r\n\r\n$/);
    expect(all).toContain("x-name: \xc3\xa5\r\n");
  });

  test.each([
    ["GET", `/${"y".repeat(61_440)}`, 414],
    ["GET", `/${"y".repeat(100_000)}`, 414],
    ["GET", "/", 431],
  ])("that is too long gets 414 if its target is, otherwise 431: %s", async (method, path, status) => {
    const more = status === 431 ? [`X: ${"y".repeat(61_440)}`] : [];
    expect(statuses(await responseTo(head(`${method} ${path}`, ...more)))).toEqual([status]);
    // Node's own client does not send longer ones.
    if (path.length > 65_000) return;
    const server = await served(() => text("never"));
    const fields = status === 431 ? { "x-a": "y".repeat(61_440) } : {};
    const { headers } = await ask(client(server), { ":path": path, ...fields });
    expect(headers[":status"]).toBe(status);
  });

  test("of an HTTP/2 request followed by an empty DATA frame has no body", async () => {
    const lengths: (number | undefined)[] = [];
    const server = await served(async ({ body }) => {
      lengths.push(body.length);
      const read = await body.text();
      return text(read._tag === "Right" ? `<${read.right}>` : "broken");
    });
    const session = client(server);
    for (const method of ["GET", "HEAD", "DELETE", "OPTIONS"])
      await answerTo(session.request({ ":method": method }, { endStream: false }).end());
    expect(lengths).toEqual([0, 0, 0, 0]);
    const { body } = await answerTo(session.request({ ":method": "GET" }, { endStream: false }).end("ab"));
    expect([body, lengths.at(-1)]).toEqual(["<ab>", undefined]);
    await answerTo(session.request({ ":method": "POST" }).end());
    expect(lengths.at(-1)).toBeUndefined();
  });

  test.each(["LIST", "RPC_IN_DATA"])("may have any method: %s", async (method) => {
    const server = await served((request) => text(request.method));
    const wire = await Wire.to(server, head(`${method} /`, "Connection: close"));
    expect(statuses(await wire.rest())).toEqual([200]);
  });
});

test("Connection: keep-alive in a response does not override the client's close", async () => {
  const server = await served(() => text("yes", 200, { Connection: "Keep-Alive" }));
  const wire = await Wire.to(server, head("GET /", "Connection: close"));
  expect(await wire.rest()).toMatch(/\r\nconnection: close\r\n[^]*yes$/i);
});

describe("a client", () => {
  test("that half-closes its connection still gets its response", async () => {
    const answer = Promise.withResolvers<void>();
    const server = await served(() => answer.promise.then(() => text("yes")));
    const wire = await Wire.to(server);
    wire.socket.allowHalfOpen = true;
    wire.socket.end(head("GET /"));
    await eventually(() => server.inFlight === 1);
    for (let turn = 0; turn < 20; turn++) await settled();
    answer.resolve();
    expect(statuses(await wire.rest())).toEqual([200]);
  });

  test("that continues a slow upload after its response is read for 30 s", async () => {
    const clock = virtualClock();
    const server = await served(() => text("enough", 413), { clock });
    const wire = await Wire.to(server, head("POST /", "Content-Length: 100000"), "a");
    wire.socket.allowHalfOpen = true;
    // Without it, a write waits for the acknowledgement of the previous one.
    wire.socket.setNoDelay(true);
    await wire.until("enough");
    for (let second = 0; second < 28; second += 2) {
      const before = server.connections;
      wire.send("more");
      for (let turn = 0; turn < 20; turn++) await settled();
      await clock.advance(2_000);
      expect([second, before]).toEqual([second, 1]);
    }
    wire.send("more");
    for (let turn = 0; turn < 20; turn++) await settled();
    await clock.advance(2_000);
    await eventually(() => server.connections === 0);
  });

  test("that stops sending after the response is closed after 2 s", async () => {
    const clock = virtualClock();
    const server = await served(() => text("enough", 413), { clock });
    const wire = await Wire.to(server, head("POST /", "Content-Length: 100000"), "a");
    wire.socket.allowHalfOpen = true;
    // Without it, a write waits for the acknowledgement of the previous one.
    wire.socket.setNoDelay(true);
    await wire.until("enough");
    wire.send("more");
    for (let turn = 0; turn < 20; turn++) await settled();
    await clock.advance(2_000);
    await clock.advance(2_000);
    await eventually(() => server.connections === 0);
  });

  test.each(["", head("GET /smuggled")])(
    "with more than 100 trailers is refused, and whatever follows is ignored: %j",
    async (more) => {
      let sink: Sink | undefined;
      const called: string[] = [];
      const server = await served(({ body, path }) => {
        called.push(path);
        sink = Sink.on(body);
        return new Promise(() => {});
      });
      const request = `${head("POST /a", "Transfer-Encoding: chunked")}0\r\n${"A: b\r\n".repeat(101)}\r\n`;
      const wire = await Wire.to(server, request + more);
      expect(statuses(await wire.rest())).toEqual([431]);
      expect([sink?.ends, called]).toEqual([["fail"], ["/a"]]);
    },
  );
});
