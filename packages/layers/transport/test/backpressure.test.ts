import { channel } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import type { BodyFlow } from "@pagoda/http";
import { settled } from "@pagoda/core/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { FedBody } from "@pagoda/http/testing";
import { client, httpOrigin, listen, request, responseOf, textOf } from "./origin.ts";

const mebibyte = 1_048_576;
const piece = Buffer.alloc(65_536, "x");
const pieces = (64 * mebibyte) / piece.length;

/** The socket of the next connection. */
function nextSocket(): { socket: Socket | undefined } {
  const seen: { socket: Socket | undefined } = { socket: undefined };
  const onConnected = (event: unknown): void => {
    seen.socket ??= (event as { readonly socket: Socket }).socket;
  };
  channel("net.client.socket").subscribe(onConnected);
  onTestFinished(() => void channel("net.client.socket").unsubscribe(onConnected));
  return seen;
}

describe("backpressure", () => {
  test("a slow reader slows the origin down, with little buffering", async () => {
    let waits = 0;
    const { url } = await httpOrigin((_, out) => {
      let left = pieces;
      const more = (): void => {
        while (left-- > 0) {
          if (out.write(piece)) continue;
          waits++;
          return void out.once("drain", more);
        }
        out.end();
      };
      more();
    });
    const seen = nextSocket();
    const { body } = await responseOf(client(url).call(request()));
    let taken = 0;
    let most = 0;
    await new Promise<void>((resolve, reject) => {
      const flow: BodyFlow = body.pipe({
        write(chunk) {
          taken += chunk.length;
          most = Math.max(most, (seen.socket as Socket).bytesRead - taken);
          void settled()
            .then(settled)
            .then(() => flow.resume());
          return false;
        },
        end: () => resolve(),
        fail: reject,
      });
    });
    expect(taken).toBe(64 * mebibyte);
    expect(most).toBeLessThan(mebibyte);
    expect(waits).toBeGreaterThan(10);
  });

  test("a reader that never resumes stops the origin", async () => {
    const { url } = await httpOrigin((_, out) => {
      const more = (): void => {
        while (out.write(piece)) sent += piece.length;
        out.once("drain", more);
      };
      let sent = 0;
      more();
    });
    const seen = nextSocket();
    const { body } = await responseOf(client(url).call(request()));
    const first = Promise.withResolvers<void>();
    const flow = body.pipe({
      write: () => {
        first.resolve();
        return false;
      },
      end() {},
      fail() {},
    });
    await first.promise;
    for (let turn = 0; turn < 2_000; turn++) await settled();
    expect((seen.socket as Socket).bytesRead).toBeLessThan(mebibyte);
    flow.cancel();
  });

  test.each([
    ["at once", {}],
    ["when asked for", { Expect: "100-continue" }],
  ])("a slow origin slows an upload down, with little buffering: %s", async (_, more) => {
    const server = createServer({ pauseOnConnect: true });
    const sockets = new Set<Socket>();
    const url = await listen(server, () => sockets.forEach((socket) => socket.destroy()));
    const seen = nextSocket();
    const body = new FedBody(64 * mebibyte);
    const headers = { "Content-Length": `${64 * mebibyte}`, ...more };
    const result = client(url).call(request("POST", "/", { body, headers }));
    const [origin] = (await once(server, "connection")) as [Socket];
    sockets.add(origin);

    if ("Expect" in more) origin.write("HTTP/1.1 100 Continue\r\n\r\n");
    let most = 0;
    let got = 0;
    origin.on("data", (chunk) => {
      got += chunk.length;
      if (got < 64 * mebibyte) return;
      origin.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    origin.pause();
    for (let given = 0; given < pieces; given++) {
      const wanted = body.give(piece);
      most = Math.max(most, seen.socket?.writableLength ?? 0);
      // The origin reads only once the source is paused.
      let idle = true;
      void wanted.then(() => (idle = false));
      for (let turn = 0; turn < 20 && idle; turn++) await settled();
      if (idle) origin.resume();
      await wanted;
      if (given < pieces / 2) origin.pause();
    }
    body.all();
    expect(await textOf(result)).toBe("ok");
    expect(most).toBeLessThan(mebibyte);
    expect(body.pauses).toBeGreaterThan(3);
  });
});
