import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { isRight, right } from "@pagoda/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { client, lookup } from "../src/client.ts";

/** A client of a scripted origin. */
async function clientOf(answer: RequestListener) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return client(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

describe("the client example", () => {
  test("returns the origin's answer", async () => {
    const lookups = await clientOf(({ url }, out) => void out.end(`this is ${url}`));
    expect(await lookups.call(lookup("/a"))).toEqual(right("this is /a"));
  });

  test("retries failures", async () => {
    let asked = 0;
    const lookups = await clientOf((_, out) => {
      out.statusCode = ++asked < 3 ? 503 : 200;
      out.end("here");
    });
    expect(await lookups.call(lookup("/"))).toEqual(right("here"));
    expect(asked).toBe(3);
  });

  test("does not retry what will not succeed", async () => {
    let asked = 0;
    const lookups = await clientOf((_, out) => {
      asked++;
      out.writeHead(404).end();
    });
    expect(await lookups.call(lookup("/"))).toMatchObject({ left: { _tag: "LookupFailed", status: 404 } });
    expect(asked).toBe(1);
  });

  test("stops calling an origin that is down", async () => {
    let asked = 0;
    const lookups = await clientOf((_, out) => {
      asked++;
      out.writeHead(500).end();
    });
    const results = [];
    for (let n = 0; n < 5; n++) results.push(await lookups.call(lookup("/")));
    expect(results.at(-1)).toMatchObject({ left: { _tag: "CircuitOpen" } });
    expect(asked).toBe(5);
  });

  test("times out and aborts undici's request", async () => {
    const closed = Promise.withResolvers<void>();
    const lookups = await clientOf((message) => void message.socket.on("close", () => closed.resolve()));
    expect(await lookups.call(lookup("/"))).toMatchObject({ left: { _tag: "TimedOut", afterMs: 1_000 } });
    await closed.promise;
  });

  test("describes its layers", async () => {
    const lookups = await clientOf((_, out) => void out.end());
    expect(isRight(await lookups.call(lookup("/")))).toBe(true);
    const names: string[] = [];
    for (let at = [lookups.describe()]; at[0] !== undefined; at = [...(at[0].inner ?? [])])
      names.push(at[0].name);
    expect(names).toEqual(["timeout", "retry", "hedge", "circuit-breaker", "undici"]);
  });
});
