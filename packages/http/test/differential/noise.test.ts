import { connect, type Socket } from "node:net";
import { right, service } from "@pagoda/core";
import { seededRandom, settled, virtualClock } from "@pagoda/core/testing";
import { bodyFrom, HttpHeaders, type HttpRequest, httpResponse, type HttpResponse, text } from "@pagoda/http";
import { serve } from "@pagoda/http/server";
import { Mutations } from "@pagoda/http/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { corpus, dictionary } from "./corpus.ts";
import { inputOf } from "./inputs.ts";
import { type Reading, readWithOurs } from "./reading.ts";

type Answer = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

/** How a client leaves after it has sent everything. */
type Leaving = "end" | "stay" | "destroy" | "reset";

/** A server in virtual time. */
async function serving(answer: Answer) {
  const clock = virtualClock();
  const defects: unknown[] = [];
  const stack = service("noise", async (request: HttpRequest) => right(await answer(request)));
  const started = await serve(stack, {
    clock,
    upgrades: ["websocket", "connect"],
    defect: (cause) => defects.push(cause),
  });
  if (started._tag === "Left") throw started.left.cause;
  const server = started.right;
  onTestFinished(() => server.close());
  /** Passes time until all connections are closed. Returns false if some never are. */
  async function over(): Promise<boolean> {
    for (let second = 0; second < 10_000; second++) {
      for (let turn = 0; turn < 10; turn++) await settled();
      if (server.connections === 0) return server.inFlight === 0;
      await clock.advance(second < 100 ? 1_000 : 60_000);
    }
    return false;
  }
  return { server, defects, over };
}

/** Sends bytes in pieces, leaves, and returns everything received. */
async function converse(
  port: number,
  bytes: Buffer,
  mutations: Mutations,
  leaving: Leaving,
): Promise<string> {
  const socket: Socket = connect(port, "127.0.0.1");
  let received = "";
  socket.on("error", () => {}).on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
  const closed = new Promise((resolve) => void socket.once("close", resolve));
  for (let at = 0; at < bytes.length;) {
    const to = mutations.below(2) === 0 ? bytes.length : at + 1 + mutations.below(bytes.length - at);
    socket.write(bytes.subarray(at, to));
    at = to;
    for (let turn = mutations.below(4); turn > 0; turn--) await settled();
  }
  if (leaving === "end") socket.end();
  if (leaving === "destroy") socket.destroy();
  if (leaving === "reset") socket.resetAndDestroy();
  await closed;
  return received;
}

/** Paths of the final responses, each of which names the request that it answers. */
function answered(received: string, methods: readonly string[]): string[] {
  const found: string[] = [];
  for (let rest = received; rest !== "";) {
    const head = /^HTTP\/1\.1 (\d{3}) [^]*?\r\n\r\n/.exec(rest);
    if (head === null) return [...found, `not a response: ${JSON.stringify(rest)}`];
    rest = rest.slice(head[0].length);
    if (head[1] === "100") continue;
    const path = /\r\nx-target: (.*)\r\n/i.exec(head[0])?.[1];
    const isHead = path !== undefined && methods[found.length] === "HEAD";
    const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(head[0])?.[1] ?? 0);
    if (!isHead) rest = rest.slice(length);
    found.push(path ?? `refused ${head[1]}`);
  }
  return found;
}

const named = (response: HttpResponse, { authority, path, query }: HttpRequest): HttpResponse => ({
  ...response,
  headers: response.headers.append("x-target", `${authority} ${path}${query}`),
});

/**
 * Whether these are the responses on a connection whose client only ends its half: one for each
 * request, the last of which may be refused because of its body, or because it is not a request.
 */
function isAnswered(found: readonly string[], { requests, refusal, isMidHead }: Reading): boolean {
  const expected = requests.map(({ authority, rest }) => `${authority} ${rest}`);
  const complete = requests.filter(({ isComplete }) => isComplete).length;
  const last = found.at(-1)?.startsWith("refused") ? found.length - 1 : found.length;
  return (
    last >= complete &&
    found.slice(0, last).every((each, i) => each === expected[i]) &&
    (last === found.length || refusal !== undefined || isMidHead || requests.length > complete)
  );
}

describe("a server that gets mutated requests", () => {
  test("answers each one that it accepts once, in order, and forgets its clients", async () => {
    const random = seededRandom(7);
    const { server, defects, over } = await serving(async (request) => {
      for (let turn = Math.floor(random() * 3); turn > 0; turn--) await settled();
      if (random() < 0.5) await request.body.text();
      return named(text("ok"), request);
    });
    const mutations = new Mutations(random, corpus, dictionary);
    const faults: string[] = [];
    for (let from = 0; from < 2_000; from += 100) {
      const talks = Array.from({ length: 100 }, async (_each, i) => {
        const input = inputOf(11, from + i);
        const bytes = Buffer.from(input, "latin1");
        const reading = readWithOurs([bytes]);
        const received = await converse(server.port, bytes, mutations, "end");
        const found = answered(
          received,
          reading.requests.map(({ method }) => method),
        );
        if (
          reading.refusal !== undefined &&
          reading.requests.at(-1)?.isComplete === false &&
          found.length === 0
        )
          return;
        if (reading.requests.some(({ isTunnel }) => isTunnel)) return;
        if (!isAnswered(found, reading))
          faults.push(`${JSON.stringify(input)}: ${JSON.stringify(found)}, ${JSON.stringify(received)}`);
      });
      if (!(await over()))
        faults.push(`${server.connections} connections, ${server.inFlight} in flight after ${from}`);
      await Promise.all(talks);
    }
    expect(faults.slice(0, 5)).toEqual([]);
    expect(faults).toHaveLength(0);
    expect(defects).toEqual([]);
  });

  test("survives whatever its stack does and however its clients leave", async () => {
    const random = seededRandom(8);
    const mutations = new Mutations(random, corpus, dictionary);
    const failed = new Error("deliberate");
    async function* breaking(): AsyncGenerator<string> {
      yield "some";
      await settled();
      throw failed;
    }
    const answers: readonly Answer[] = [
      () => text("at once"),
      async ({ body }) =>
        httpResponse(200, await body.text().then(() => bodyFrom(["a", "b".repeat(100_000)]))),
      ({ body }) => ({ ...text(""), body, headers: HttpHeaders.of({ trailer: "x" }) }),
      ({ body }) => httpResponse(200, body),
      ({ body, upgrade, method }) =>
        upgrade === undefined && method !== "CONNECT"
          ? text("no tunnel")
          : httpResponse(method === "CONNECT" ? 200 : 101, body),
      () => httpResponse(204, bodyFrom([])),
      () => httpResponse(200, bodyFrom(breaking())),
      () => Promise.reject(failed),
      () => {
        throw failed;
      },
      () => ({ ...text("x"), headers: HttpHeaders.of({ "content-length": "5" }) }),
      (request) => {
        request.onInformation?.(103, HttpHeaders.of({ link: "a" }));
        return text("informed");
      },
      () => settled().then(() => text("late")),
    ];
    const { server, over } = await serving((request) => mutations.pick(answers)(request));
    const faults: string[] = [];
    for (let from = 0; from < 2_000; from += 100) {
      const talks = Array.from({ length: 100 }, (_each, i) => {
        const leaving = mutations.pick(["end", "end", "stay", "destroy", "reset"] as const);
        return converse(server.port, Buffer.from(inputOf(12, from + i), "latin1"), mutations, leaving);
      });
      if (!(await over()))
        faults.push(`${server.connections} connections, ${server.inFlight} in flight after ${from}`);
      await Promise.all(talks);
    }
    expect(faults).toEqual([]);
  });
});
