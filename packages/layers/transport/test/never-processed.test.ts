import { bodyOf } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { FedBody } from "@pagoda/http/testing";
import { http2, http2Origin } from "./http2-origin.ts";
import { bareOrigin, client, faultOf, request } from "./origin.ts";

describe("a fault has processed: false", () => {
  test.each(["http1", "http2"] as const)("when the connection is refused, over %s", async (protocol) => {
    const transport = client("http://127.0.0.1:1", { protocol });
    for (const body of [undefined, bodyOf("a"), new FedBody()]) {
      const fault = await faultOf(transport.call(request("POST", "/", body && { body })));
      expect(fault).toMatchObject({ _tag: "ConnectFailed", origin: "upstream", processed: false });
    }
  });

  test.each(["http1", "http2"] as const)("when connecting times out, over %s", async (protocol) => {
    const { url } = await bareOrigin();
    const transport = client(url.replace("http:", "https:"), { connectTimeoutMs: 20, protocol });
    const fault = await faultOf(transport.call(request("POST", "/", { body: new FedBody() })));
    expect(fault).toMatchObject({ _tag: "ConnectFailed", code: "CONNECT_TIMEOUT", processed: false });
  });

  test("when the stream is refused, and the body can be read again", async () => {
    const { url } = await http2Origin((stream) => stream.close(7));
    const transport = http2(url);
    const refused = { _tag: "ConnectionBroken", code: "REFUSED_STREAM", processed: false };
    expect(await faultOf(transport.call(request("POST")))).toMatchObject(refused);
    expect(await faultOf(transport.call(request("POST", "/", { body: "a" })))).toMatchObject(refused);
    const begun = await faultOf(transport.call(request("POST", "/", { body: new FedBody() })));
    expect(begun).toMatchObject({ _tag: "ConnectionBroken", code: "REFUSED_STREAM" });
    expect(begun).not.toHaveProperty("processed");
  });
});

describe("a fault does not have processed: false", () => {
  test.each(["end", "destroy", "resetAndDestroy"] as const)(
    "when the origin has the request and closes: %s",
    async (close) => {
      const origin = await bareOrigin();
      const result = client(origin.url).call(request());
      const connection = await origin.next();
      await connection.head();
      connection.socket[close]();
      expect(await faultOf(result)).not.toHaveProperty("processed");
    },
  );

  test("when the stream is reset for another reason", async () => {
    const { url } = await http2Origin((stream) => stream.close(2));
    expect(await faultOf(http2(url).call(request()))).not.toHaveProperty("processed");
  });
});
