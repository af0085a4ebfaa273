import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { isFault, isLeft, oneshot } from "@pagoda/core";
import { abortListeners, seededRandom, settled } from "@pagoda/core/testing";
import { bodyFrom } from "../../body-from.ts";
import { type ClientBench, requestTo, untilIdle } from "./client-bench.ts";
import type { ClientRule } from "./client-rule.ts";

type Pick = <T>(...choices: readonly T[]) => T;

function pickWith(random: () => number): Pick {
  return <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T;
}

/** An origin that answers whole, in part, early, or not at all. */
function unreliable(random: () => number): RequestListener {
  const pick = pickWith(random);
  return (message, out) => {
    const answer = (): void =>
      void out.writeHead(200, { "content-length": 100_000 }).end("x".repeat(100_000));
    const part = (): void => {
      out.writeHead(200).write("x", () => out.destroy());
    };
    const refuse = (): void => void out.writeHead(413).end();
    const behave = pick(answer, answer, answer, part, refuse, () => message.socket.destroy());
    if (random() < 0.5) behave();
    else message.resume().on("end", behave);
  };
}

async function* slow(): AsyncGenerator<string> {
  for (let piece = 0; piece < 3; piece++) {
    yield "x".repeat(1_000);
    await settled();
  }
}

const requests = [
  () => requestTo(),
  () => requestTo("POST", "/", { body: "hello" }),
  () => requestTo("POST", "/", { body: bodyFrom(slow()) }),
  () => requestTo("POST", "/", { body: bodyFrom(slow()), headers: { "Content-Length": "3000" } }),
  () => requestTo("POST", "/", { body: "x".repeat(1_000_000) }),
];

async function randomCalls(bench: ClientBench, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const pick = pickWith(random);
  const server = createServer(unreliable(random));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  bench.atEnd(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = bench.client(url, { maxConnections: 8 });
  const controllers: AbortController[] = [];
  const ends: Promise<unknown>[] = [];
  for (let call = 0; call < 300; call++) {
    const controller = new AbortController();
    controllers.push(controller);
    ends.push(
      oneshot(client, pick(...requests)(), controller.signal).then<unknown>((result) => {
        if (isLeft(result)) return assert.ok(isFault(result.left), "an error that is not a fault");
        if (random() < 0.7) return result.right.body.bytes();
        return result.right.body.cancel();
      }),
    );
    for (let turns = pick(0, 0, 1, 2, 10); turns > 0; turns--) await settled();
    if (random() < 0.3) pick(...controllers.slice(-10)).abort(new Error("enough"));
  }
  await Promise.all(ends);
  await untilIdle(client);
  for (const { signal } of controllers) assert.equal(abortListeners(signal), 0, "a listener is left");
  assert.equal(client.ready(), undefined, "a slot was lost");
}

/** Whatever happens to calls, nothing is left behind. */
export const randomRules: readonly ClientRule[] = [1, 2, 3].map((seed) => ({
  name: `random calls all settle, lose no slot and leave no listener, seed ${seed}`,
  run: (bench) => randomCalls(bench, seed),
}));
