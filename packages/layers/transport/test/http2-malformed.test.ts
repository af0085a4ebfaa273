import { createServer } from "node:http";
import type { Socket } from "node:net";
import { dataFrame, type FieldPairs, fieldsFrame, frame, rawHttp2Server } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { http2 } from "./http2-origin.ts";
import { faultOf, listen, request, responseOf, textOf, untilIdle } from "./origin.ts";

/** An origin that answers the first request with these frames, and others with "hello". */
async function origin(answer: (stream: number) => readonly Buffer[]) {
  let answered = 0;
  const sockets: Socket[] = [];
  const server = rawHttp2Server((stream) =>
    answered++ === 0
      ? answer(stream)
      : [fieldsFrame(stream, [[":status", "200"]], false), dataFrame(stream, "hello", true)],
  );
  server.on("connection", (socket) => sockets.push(socket));
  const url = await listen(server, () => sockets.forEach((socket) => socket.destroy()));
  return { url, sockets };
}

const head =
  (...fields: FieldPairs) =>
  (stream: number): readonly Buffer[] => [fieldsFrame(stream, [[":status", "200"], ...fields], true)];

describe("a malformed response over HTTP/2", () => {
  test.each([
    ["field-value", "a line break in a value", head(["x-a", "b\r\nc: d"])],
    ["field-value", "a NUL in a value", head(["x-a", "b\0"])],
    ["field-value", "a space before a value", head(["x-a", " b"])],
    ["field-name", "a line feed in a name", head(["x-a\n", "b"])],
    ["field-name", "an upper-case name", head(["X-A", "b"])],
    ["connection-field", "Transfer-Encoding", head(["transfer-encoding", "chunked"])],
    ["content-length", "two lengths", head(["content-length", "1"], ["content-length", "2"])],
    ["body-too-short", "a length without a body", head(["content-length", "1"])],
    ["pseudo-fields", "a second status", head([":status", "200"])],
  ] as const)("%s: %s breaks the call, not the connection", async (reason, _what, answer) => {
    const { url, sockets } = await origin(answer);
    const transport = http2(url);
    expect(await faultOf(transport.call(request()))).toMatchObject({
      _tag: "ConnectionBroken",
      origin: "upstream",
      code: "MALFORMED",
      reason,
    });
    expect(await textOf(transport.call(request()))).toBe("hello");
    expect(sockets).toHaveLength(1);
    await untilIdle(transport);
  });

  test("trailers with a line break break the body", async () => {
    const { url } = await origin((stream) => [
      fieldsFrame(stream, [[":status", "200"]], false),
      dataFrame(stream, "half", false),
      fieldsFrame(stream, [["sum", "1\r\nx: y"]], true),
    ]);
    const { body } = await responseOf(http2(url).call(request()));
    expect(await body.text()).toMatchObject({ left: { _tag: "BodyBroken", cause: { code: "MALFORMED" } } });
  });

  test("a broken protocol breaks the connection, and another one is opened", async () => {
    const { url, sockets } = await origin(() => [frame(5, 4, 1, Buffer.from([0, 0, 0, 2, 0x82]))]);
    const transport = http2(url);
    const fault = await faultOf(transport.call(request("POST")));
    expect(fault).toMatchObject({ _tag: "ConnectionBroken", origin: "upstream", code: "PROTOCOL_ERROR" });
    expect(fault).not.toHaveProperty("processed");
    expect(await textOf(transport.call(request()))).toBe("hello");
    expect(sockets).toHaveLength(2);
  });

  test("an HTTP/1.1 origin is a failure to connect", async () => {
    const server = createServer();
    const url = await listen(server, () => server.closeAllConnections());
    expect(await faultOf(http2(url).call(request()))).toMatchObject({ _tag: "ConnectFailed" });
  });
});
