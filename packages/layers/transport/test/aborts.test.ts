import { describe, expect, test } from "vitest";
import { bareOrigin, client, faultOf, request, responseOf, textOf, untilIdle } from "./origin.ts";

describe("an abort", () => {
  test("while connecting leaves the connection to the next call", async () => {
    const origin = await bareOrigin();
    const transport = client(origin.url);
    const controller = new AbortController();
    const result = transport.call(request("GET", "/first"), controller.signal);
    controller.abort();
    expect(await faultOf(result)).toMatchObject({ _tag: "Aborted" });
    const next = transport.call(request("GET", "/second"));
    const connection = await origin.next();
    expect(await connection.head()).toMatch(/^GET \/second /);
    connection.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "ok");
    expect(await textOf(next)).toBe("ok");
    expect(origin.connections).toHaveLength(1);
    await untilIdle(transport);
  });

  test("while connecting does not make the next call wait for it", async () => {
    const origin = await bareOrigin();
    const transport = client(origin.url);
    const first = transport.call(request());
    const connection = await origin.next();
    await connection.head();
    connection.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "o");
    const { body } = await responseOf(first);
    // A call starts while the first has the connection, and is aborted after the first has returned it.
    const controller = new AbortController();
    await new Promise<void>((resolve, reject) => {
      const write = (chunk: Uint8Array): boolean => {
        if (chunk[0] === 0x6f) connection.say("k");
        else void transport.call(request(), controller.signal);
        return true;
      };
      const end = (): void => {
        controller.abort();
        resolve();
      };
      body.pipe({ write, end, fail: reject });
    });
    const next = transport.call(request("GET", "/next"));
    expect(await connection.head()).toMatch(/^GET \/next /);
    connection.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "ok");
    expect(await textOf(next)).toBe("ok");
  });
});
