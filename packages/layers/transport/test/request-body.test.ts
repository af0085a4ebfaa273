import { bodyFrom, ReplayBody } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { Given } from "./given.ts";
import { bareOrigin, client, faultOf, request, textOf, untilIdle } from "./origin.ts";

describe("a request body", () => {
  test("that breaks off is broken at the origin", async () => {
    const origin = await bareOrigin();
    const transport = client(origin.url);
    const body = new Given();
    const result = transport.call(request("POST", "/", { body }));
    const connection = await origin.next();
    await body.give("a");
    await connection.head();
    body.break();
    expect(await faultOf(result)).toMatchObject({
      _tag: "Aborted",
      origin: "local",
      cause: { _tag: "BodyBroken" },
    });
    await connection.closed;
    expect(connection.text).not.toContain("0\r\n");
    await untilIdle(transport);
  });

  test("defect: was waited for after the origin had answered", async () => {
    const origin = await bareOrigin();
    const transport = client(origin.url);
    const body = new Given();
    const result = transport.call(request("POST", "/", { body }));
    const connection = await origin.next();
    await body.give("a");
    await connection.until("\r\na");
    connection.say("HTTP/1.1 413 Content Too Large", "Content-Length: 2", "", "no");
    expect(await textOf(result)).toBe("no");
    await body.stopped;
    await connection.closed;
    await untilIdle(transport);
  });

  test("defect: one already read counted against the origin", async () => {
    const origin = await bareOrigin();
    const transport = client(origin.url);
    const body = bodyFrom(["a"]);
    await body.text();
    const fault = await faultOf(transport.call(request("POST", "/", { body })));
    expect(fault).toMatchObject({
      _tag: "RequestInvalid",
      origin: "local",
      reason: expect.stringMatching(/already been read/) as string,
    });
    await untilIdle(transport);
  });

  test("that does not match its length is RequestInvalid", async () => {
    const origin = await bareOrigin();
    const transport = client(origin.url);
    for (const body of ["hello, world", bodyFrom(["hello, world"]), bodyFrom(["hel"])]) {
      const headers = { "Content-Length": "5" };
      const fault = await faultOf(transport.call(request("POST", "/", { body, headers })));
      expect(fault).toMatchObject({ _tag: "RequestInvalid", origin: "local", retryable: false });
    }
    await untilIdle(transport);
    for (const { text } of origin.connections) expect(text).not.toContain("world");
  });

  test("can be sent again after a failed attempt", async () => {
    const origin = await bareOrigin();
    const transport = client(origin.url);
    const source = new Given();
    const body = new ReplayBody(source);
    const message = request("POST", "/", { body });
    const result = transport.call(message);
    const first = await origin.next();
    await source.give("hel");
    await first.until("\r\nhel");
    first.socket.destroy();
    expect(await faultOf(result)).toMatchObject({ _tag: "ConnectionBroken", retryable: true });
    const again = transport.call(message);
    const second = await origin.next();
    await source.give("lo");
    source.all();
    // The bytes recorded before the second reading are sent as one chunk.
    expect(await second.until("0\r\n\r\n")).toMatch(/\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/);
    second.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "ok");
    expect(await textOf(again)).toBe("ok");
  });
});
