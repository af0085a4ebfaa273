import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { isRight, right } from "fp-ts/lib/Either.js";
import { describe, expect, onTestFinished, test } from "vitest";
import { client, lookup } from "../src/client.ts";

/** A client of an origin that answers as the test says. */
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
  test("gives what the origin answers", async () => {
    const lookups = await clientOf(({ url }, out) => void out.end(`this is ${url}`));
    expect(await lookups.call(lookup("/a"))).toEqual(right("this is /a"));
  });

  test("tries again what failed", async () => {
    let asked = 0;
    const lookups = await clientOf((_, out) => {
      out.statusCode = ++asked < 3 ? 503 : 200;
      out.end("here");
    });
    expect(await lookups.call(lookup("/"))).toEqual(right("here"));
    expect(asked).toBe(3);
  });

  test("does not try again what will not succeed", async () => {
    let asked = 0;
    const lookups = await clientOf((_, out) => {
      asked++;
      out.writeHead(404).end();
    });
    expect(await lookups.call(lookup("/"))).toMatchObject({ left: { _tag: "LookupFailed", status: 404 } });
    expect(asked).toBe(1);
  });

  test("leaves an origin alone that is down", async () => {
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

  test("gives up in time, and undici hears of it", async () => {
    const closed = Promise.withResolvers<void>();
    const lookups = await clientOf((message) => void message.socket.on("close", () => closed.resolve()));
    expect(await lookups.call(lookup("/"))).toMatchObject({ left: { _tag: "TimedOut", afterMs: 1_000 } });
    await closed.promise;
  });

  test("can be looked at", async () => {
    const lookups = await clientOf((_, out) => void out.end());
    expect(isRight(await lookups.call(lookup("/")))).toBe(true);
    const names: string[] = [];
    for (let at = [lookups.describe()]; at[0] !== undefined; at = [...(at[0].inner ?? [])])
      names.push(at[0].name);
    expect(names).toEqual(["timeout", "retry", "hedge", "circuit-breaker", "undici"]);
  });
});
