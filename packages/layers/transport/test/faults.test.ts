import { describe, expect, test } from "vitest";
import { bareOrigin, client, faultOf, request, untilIdle } from "./origin.ts";

/** Returns the fault of a call to an origin that does not answer properly. */
async function faultWhen(
  misbehave: (connection: Awaited<ReturnType<Awaited<ReturnType<typeof bareOrigin>>["next"]>>) => void,
) {
  const origin = await bareOrigin();
  const transport = client(origin.url);
  const result = transport.call(request());
  const connection = await origin.next();
  await connection.head();
  misbehave(connection);
  const fault = await faultOf(result);
  await untilIdle(transport);
  return fault;
}

describe("without a connection", () => {
  test("refused", async () => {
    const transport = client("http://127.0.0.1:1");
    expect(await faultOf(transport.call(request()))).toMatchObject({
      _tag: "ConnectFailed",
      origin: "upstream",
      retryable: true,
      upstream: "http://127.0.0.1:1",
      code: "ECONNREFUSED",
    });
    await untilIdle(transport);
  });

  test("defect: a failed connect was counted as a connection", async () => {
    const transport = client("http://127.0.0.1:1");
    await Promise.all([transport.call(request()), transport.call(request())]);
    expect(transport.describe().state).toMatchObject({ connections: 0, idle: 0 });
  });

  test("unknown host name", async () => {
    const fault = await faultOf(client("http://nobody.invalid").call(request()));
    expect(fault).toMatchObject({
      _tag: "ConnectFailed",
      code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/) as string,
    });
  });

  test("connect timeout", async () => {
    const { url } = await bareOrigin();
    // Connecting never blocks on loopback, but a handshake can be left unanswered.
    const transport = client(url.replace("http:", "https:"), { connectTimeoutMs: 20 });
    const results = [
      transport.call(request()),
      transport.call(request("POST", "/", { headers: { Expect: "100-continue" } })),
    ];
    for (const fault of await Promise.all(results.map(faultOf))) {
      expect(fault).toMatchObject({ _tag: "ConnectFailed", code: "CONNECT_TIMEOUT" });
    }
    await untilIdle(transport);
  });

  test("closed transport", async () => {
    const origin = await bareOrigin();
    const transport = client(origin.url);
    await transport.close();
    await transport.close();
    for (const headers of [{}, { Expect: "100-continue" }]) {
      const fault = await faultOf(transport.call(request("POST", "/", { headers })));
      expect(fault).toMatchObject({ _tag: "ConnectFailed", origin: "local", code: "CLOSED" });
    }
    expect(origin.connections).toHaveLength(0);
  });
});

describe("without a response", () => {
  test.each(["end", "destroy", "resetAndDestroy"] as const)("the origin closes: %s", async (close) => {
    const fault = await faultWhen(({ socket }) => socket[close]());
    expect(fault).toMatchObject({ _tag: "ConnectionBroken", origin: "upstream", retryable: true });
    expect(fault).toMatchObject({ code: close === "resetAndDestroy" ? "ECONNRESET" : "ENDED" });
  });

  test.each([
    ["another protocol", "SSH-2.0-OpenSSH_9.9\r\n"],
    ["an incomplete head", "HTTP/1.1 200 OK\r\nContent-"],
    ["a field with a space before the colon", "HTTP/1.1 200 OK\r\nX : 1\r\n\r\n"],
    ["a folded field", "HTTP/1.1 200 OK\r\nX: 1\r\n\x01Y: 2\r\n\r\n"],
    ["a control character in a field", "HTTP/1.1 200 OK\r\nX: a\x01b\r\n\r\n"],
    [
      "a length and chunked",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ],
    [
      "chunked and a length",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"],
    ["an invalid length", "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello"],
    ["an unexpected 101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"],
    ["too long a head", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(61_440)}\r\n\r\n`],
  ])("the origin sends %s", async (_, said) => {
    const fault = await faultWhen((connection) => {
      connection.socket.end(said, "latin1");
    });
    expect(fault).toMatchObject({ _tag: "ConnectionBroken", origin: "upstream" });
  });

  test("the origin does not answer in time", async () => {
    const origin = await bareOrigin();
    const transport = client(origin.url, { headersTimeoutMs: 20 });
    const fault = await faultOf(transport.call(request()));
    expect(fault).toMatchObject({ _tag: "HeadersTimedOut", origin: "upstream", afterMs: 20 });
    await (
      await origin.next()
    ).closed;
    await untilIdle(transport);
  });
});

describe("a request that cannot be sent", () => {
  test.each([
    ["a line feed in a field", { headers: { "x-a": "1\r\nX-B: 2" } }],
    ["a field's name with a space", { headers: { "x a": "1" } }],
    ["a character beyond a byte", { headers: { "x-a": "\u0142" } }],
    ["a space in the path", { path: "/a b" }],
    ["a method with a space", { method: "GET /x" }],
    ["CONNECT", { method: "CONNECT" }],
    ["two lengths", { headers: { "content-length": ["1", "2"] } }],
  ])("%s", async (_, input) => {
    const origin = await bareOrigin();
    const transport = client(origin.url);
    const { path = "/", method = "POST" } = input as { path?: string; method?: string };
    for (const more of [{}, { expect: "100-continue" }]) {
      if (method === "CONNECT" && "expect" in more) continue;
      const headers = { ...("headers" in input ? input.headers : {}), ...more };
      const fault = await faultOf(transport.call({ ...request(method, "/", { headers } as never), path }));
      expect(fault).toMatchObject({ _tag: "RequestInvalid", origin: "local", retryable: false });
    }
    await untilIdle(transport);
    expect(origin.connections).toHaveLength(0);
  });
});
