import { describe, expect, test } from "vitest";
import { bareOrigin, client, faultOf, request, untilIdle } from "./origin.ts";

describe("without a connection", () => {
  test("defect: a failed connect was counted as a connection", async () => {
    const transport = client("http://127.0.0.1:1");
    await Promise.all([transport.call(request()), transport.call(request())]);
    expect(transport.describe().state).toMatchObject({ connections: 0, idle: 0 });
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
