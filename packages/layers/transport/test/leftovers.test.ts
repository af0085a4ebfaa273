import { getEventListeners } from "node:events";
import { isRight, oneshot } from "@pagoda/core";
import { bodyFrom } from "@pagoda/http";
import { seededRandom, settled } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { client, httpOrigin, request, untilIdle } from "./origin.ts";

/** Conformance of this leaf: whatever happens to calls, nothing is left behind. */
describe("random calls", () => {
  test.each([1, 2, 3])("all settle, lose no slot and leave no listener, seed %d", async (seed) => {
    const random = seededRandom(seed);
    const pick = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T;
    const { url } = await httpOrigin((message, out) => {
      const answer = (): void =>
        void out.writeHead(200, { "content-length": 100_000 }).end("x".repeat(100_000));
      const part = (): void => {
        out.writeHead(200).write("x");
        setImmediate(() => out.destroy());
      };
      const refuse = (): void => void out.writeHead(413).end();
      const behave = pick(answer, answer, answer, part, refuse, () => message.socket.destroy());
      if (random() < 0.5) behave();
      else message.resume().on("end", behave);
    });
    const transport = client(url, { maxConnections: 8 });
    const controllers: AbortController[] = [];
    const ends: Promise<unknown>[] = [];
    async function* slow() {
      for (let piece = 0; piece < 3; piece++) {
        yield "x".repeat(1_000);
        await settled();
      }
    }
    const requests = [
      () => request(),
      () => request("POST", "/", { body: "hello" }),
      () => request("POST", "/", { body: bodyFrom(slow()) }),
      () => request("POST", "/", { body: bodyFrom(slow()), headers: { Trailer: "X-A" } }),
      () => request("POST", "/", { body: "x".repeat(1_000_000) }),
    ];
    for (let call = 0; call < 300; call++) {
      const controller = new AbortController();
      controllers.push(controller);
      ends.push(
        oneshot(transport, pick(...requests)(), controller.signal).then<unknown>((result) => {
          if (!isRight(result)) return result.left._tag;
          if (random() < 0.7) return result.right.body.bytes();
          return result.right.body.cancel();
        }),
      );
      for (let turns = pick(0, 0, 1, 2, 10); turns > 0; turns--) await settled();
      if (random() < 0.3) pick(...controllers.slice(-10)).abort(new Error("enough"));
    }
    const outcomes = await Promise.all(ends);
    await untilIdle(transport);
    expect(new Set(outcomes)).toContain("Aborted");
    expect(outcomes.length).toBe(300);
    for (const { signal } of controllers) expect(getEventListeners(signal, "abort")).toHaveLength(0);
    expect(transport.ready()).toBeUndefined();
  });
});
