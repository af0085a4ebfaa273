import { type HttpRequest, type HttpResponse, httpResponse, text } from "@pagoda/http";
import { settled } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { eventually, head, served, statuses, Wire } from "./served.ts";

/** A server whose calls the test answers, by path. */
async function answering(options: Parameters<typeof served>[1] = {}) {
  const began: string[] = [];
  const answers = new Map<string, (response: HttpResponse) => void>();
  const requests = new Map<string, HttpRequest>();
  const signals: AbortSignal[] = [];
  const server = await served((request, signal) => {
    const { method, path } = request;
    requests.set(path, request);
    began.push(`${method} ${path}`);
    signals.push(signal);
    return new Promise((resolve) => answers.set(path, resolve));
  }, options);
  const answer = (path: string, respond: (request: HttpRequest) => HttpResponse = inText): void =>
    answers.get(path)?.(respond(requests.get(path) as HttpRequest));
  const quiet = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await settled();
  };
  return { server, began, answer, signals, quiet };
}

const inText = ({ path }: HttpRequest): HttpResponse => text(`answer to ${path}`);
/** What comes through the tunnel goes back. */
const echo = ({ body }: HttpRequest): HttpResponse => httpResponse(200, body);

const post = (path: string): string => head(`POST ${path}`, "Content-Length: 1");

describe("pipelined requests", () => {
  test("with safe methods run concurrently, up to eight", async () => {
    const { server, began, answer, quiet } = await answering();
    const wire = await Wire.to(server, ...Array.from({ length: 1_000 }, (_each, n) => head(`GET /${n}`)));
    await eventually(() => began.length === 8);
    await quiet();
    expect(began).toHaveLength(8);
    // Its response waits for the earlier ones and still counts.
    answer("/1");
    await quiet();
    expect(began).toHaveLength(8);
    answer("/0");
    await eventually(() => began.length === 10);
    expect(statuses(await wire.until("answer to /1"))).toEqual([200, 200]);
  });

  test("are answered before a CONNECT behind them, whose tunnel opens then", async () => {
    const { server, began, answer, quiet } = await answering({ upgrades: ["connect"] });
    const connect = "CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n";
    const wire = await Wire.to(server, `${head("GET /a")}${head("GET /b")}${connect}tunnelled`);
    await eventually(() => began.length === 2);
    answer("/b");
    await quiet();
    expect(began).toHaveLength(2);
    answer("/a");
    await eventually(() => began.length === 3);
    expect(began.at(-1)).toBe("CONNECT ");
    answer("", echo);
    await wire.until("tunnelled");
    wire.send(" bytes");
    await wire.until("tunnelled bytes");
    expect(statuses(wire.text)).toEqual([200, 200, 200]);
    wire.socket.end();
    await wire.rest();
    await eventually(() => server.connections === 0 && server.inFlight === 0);
  });

  test("are answered before a CONNECT behind them is refused", async () => {
    const { server, began, answer } = await answering();
    const connect = "CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n";
    const wire = await Wire.to(server, head("GET /a") + connect);
    await eventually(() => began.length === 1);
    answer("/a");
    expect(statuses(await wire.rest())).toEqual([200, 501]);
    expect(began).toEqual(["GET /a"]);
  });

  test("with an unsafe method run alone", async () => {
    const { server, began, answer, quiet } = await answering();
    const wire = await Wire.to(server, head("GET /a"), head("GET /b"), `${post("/c")}x`, head("GET /d"));
    await eventually(() => began.length === 2);
    await quiet();
    answer("/b");
    await quiet();
    expect(began).toEqual(["GET /a", "GET /b"]);
    answer("/a");
    await eventually(() => began.length === 3);
    await quiet();
    expect(began.at(-1)).toBe("POST /c");
    expect(began).toHaveLength(3);
    answer("/c");
    await eventually(() => began.length === 4);
    answer("/d");
    await wire.until("answer to /d");
    expect([...wire.text.matchAll(/answer to (\/.)/g)].map(([, path]) => path)).toEqual([
      "/a",
      "/b",
      "/c",
      "/d",
    ]);
  });

  test("with unsafe methods run one after the other", async () => {
    const { server, began, answer, quiet } = await answering();
    await Wire.to(server, `${post("/a")}x`, `${post("/b")}x`, head("DELETE /c"));
    for (const [n, path] of ["/a", "/b", "/c"].entries()) {
      await eventually(() => began.length === n + 1);
      await quiet();
      expect(began).toHaveLength(n + 1);
      answer(path);
    }
  });

  test("still waiting when the client disconnects never start", async () => {
    const { server, began, signals, quiet } = await answering();
    const wire = await Wire.to(server, head("GET /a"), `${post("/b")}x`, head("GET /c"));
    await eventually(() => server.inFlight === 3);
    wire.socket.resetAndDestroy();
    await eventually(() => server.inFlight === 0);
    await quiet();
    expect(began).toEqual(["GET /a"]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  test("still waiting when a drain begins are answered", async () => {
    const { server, began, answer } = await answering();
    const wire = await Wire.to(server, head("GET /a"), `${post("/b")}x`);
    await eventually(() => server.inFlight === 2);
    const drained = server.drain(1_000_000);
    answer("/a");
    await eventually(() => began.length === 2);
    answer("/b");
    expect(await drained).toBe(0);
    expect(statuses(await wire.rest())).toEqual([200, 200]);
  });
});
