import { HttpHeaders } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { FedBody } from "@pagoda/http/testing";
import { hello, http2, http2Origin, until } from "./http2-origin.ts";
import { faultOf, request, responseOf, textOf, untilIdle } from "./origin.ts";
import { connecting, Heard, tunnelOrigin, upgrading } from "./tunnel-origin.ts";

describe("over HTTP/2", () => {
  test("an upgrade is an extended CONNECT without key and answer", async () => {
    const origin = await tunnelOrigin("http2");
    const headers = HttpHeaders.of({
      "Sec-WebSocket-Key": "a",
      "Sec-WebSocket-Version": "13",
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Content-Length": "0",
      Expect: "100-continue",
    });
    const result = http2(origin.url).call(upgrading(new FedBody(), { headers }));
    const there = await origin.next();
    expect(there.fields).toEqual({
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":scheme": "http",
      ":authority": "origin.test",
      ":path": "/chat?room=1",
      "sec-websocket-version": "13",
    });
    there.open({ ":status": "204", "sec-websocket-accept": "x", "sec-websocket-protocol": "chat" });
    const response = await responseOf(result);
    expect(response.status).toBe(101);
    expect(response.headers.has("sec-websocket-accept")).toBe(false);
    expect(response.headers.get("sec-websocket-protocol")).toBe("chat");
    response.body.cancel();
  });

  test("an upgrade names one protocol and requires GET", async () => {
    const origin = await tunnelOrigin("http2");
    const transport = http2(origin.url);
    void transport.call(upgrading(new FedBody(), { upgrade: "Shop/1, tcp" }));
    expect((await origin.next()).fields).toMatchObject({ ":method": "CONNECT", ":protocol": "Shop/1" });
    expect(await faultOf(transport.call(upgrading(new FedBody(), { method: "POST" })))).toMatchObject({
      _tag: "RequestInvalid",
      reason: "an upgrade over HTTP/2 requires GET (got POST)",
    });
  });

  test("CONNECT has an authority only", async () => {
    const origin = await tunnelOrigin("http2");
    const result = http2(origin.url).call(connecting(new FedBody()));
    const there = await origin.next();
    expect(there.fields).toEqual({ ":method": "CONNECT", ":authority": "db.test:5432" });
    there.open({ "content-length": "3" });
    const response = await responseOf(result);
    expect(response.headers.has("content-length")).toBe(false);
    const heard = new Heard(response);
    there.wire.write("more than three");
    await heard.until(() => heard.text === "more than three");
    heard.cancel();
  });

  test("no upgrade is sent to an origin without extended CONNECT, and its connection stays usable", async () => {
    const { url, sessions, codes } = await http2Origin(hello);
    const transport = http2(url);
    const said = new FedBody();
    // The first call waits for the origin's SETTINGS.
    for (const message of [upgrading(said), upgrading(said)]) {
      expect(await faultOf(transport.call(message))).toMatchObject({
        _tag: "UpgradeUnsupported",
        origin: "local",
        retryable: false,
        upstream: url,
      });
    }
    await untilIdle(transport);
    expect(await textOf(transport.call(request()))).toBe("hello");
    expect([sessions.length, said.hasBegun]).toEqual([1, false]);
    await untilIdle(transport);
    expect(codes.length).toBe(1);
  });

  test.each([
    [403, upgrading],
    [407, connecting],
  ])("a refusal with %d is an ordinary response", async (status, ask) => {
    const said = new FedBody();
    const origin = await tunnelOrigin("http2");
    const transport = http2(origin.url);
    const result = transport.call(ask(said));
    const there = await origin.next();
    there.open({ ":status": String(status), "content-length": "2" });
    there.wire.end("no");
    const response = await responseOf(result);
    expect([response.status, response.body.length]).toEqual([status, 2]);
    expect(await response.body.text()).toMatchObject({ right: "no" });
    expect(said.hasBegun).toBe(false);
    await untilIdle(transport);
    await there.closed;
  });

  test("an origin that opens and ends its side at once lets the client continue", async () => {
    const { url } = await http2Origin((stream) => {
      stream.respond({ ":status": 200 }, { endStream: true });
      stream.setEncoding("latin1").on("data", (text: string) => (got += text));
    });
    let got = "";
    const transport = http2(url);
    const said = new FedBody();
    const response = await responseOf(transport.call(connecting(said)));
    expect(await response.body.text()).toMatchObject({ right: "" });
    await said.give("still here");
    said.all();
    await until(() => got === "still here");
    await untilIdle(transport);
  });

  test("tunnels and calls share a connection", async () => {
    const { url, sessions } = await http2Origin((stream, fields) => {
      if (!fields.includes("CONNECT")) return hello(stream, fields);
      stream.respond({ ":status": 200 });
      stream.pipe(stream);
    });
    const transport = http2(url);
    const open = [1, 2, 3].map(async (n) => {
      const said = new FedBody();
      const heard = new Heard(await responseOf(transport.call(connecting(said))));
      await said.give(`tunnel ${n}`);
      await heard.until(() => heard.text === `tunnel ${n}`);
      return heard;
    });
    const heard = await Promise.all(open);
    expect(await textOf(transport.call(request()))).toBe("hello");
    expect(sessions).toHaveLength(1);
    for (const each of heard) each.cancel();
    await untilIdle(transport);
  });
});
