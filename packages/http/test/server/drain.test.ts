import { CutOff, httpResponse, json, text } from "@pagoda/http";
import { settled, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { Source } from "../bodies.ts";
import { eventually, head, served, statuses, Wire } from "./served.ts";

/** How long a drain keeps idle connections open, plus one tick of the timer. */
const graceMs = 1_001;

/** A server whose responses wait until the test releases them. */
async function held() {
  const clock = virtualClock();
  const waiting: (() => void)[] = [];
  const signals: AbortSignal[] = [];
  const server = await served(
    ({ path }, signal) => {
      signals.push(signal);
      return new Promise((resolve) => waiting.push(() => resolve(text(`<${path}>`))));
    },
    { clock },
  );
  return { clock, server, waiting, signals };
}

describe("drain", () => {
  test("lets requests in flight finish and announces the close", async () => {
    const { clock, server, waiting } = await held();
    const wires = [await Wire.to(server, head("GET /1")), await Wire.to(server, head("GET /2"))];
    await eventually(() => server.inFlight === 2);
    const drained = server.drain(1_000);
    for (const answer of waiting) answer();
    for (const wire of wires) expect(await wire.rest()).toMatch(/connection: close[^]*<.[12]>$/i);
    expect(await drained).toBe(0);
    expect([server.connections, server.inFlight, clock.pending]).toEqual([0, 0, 0]);
  });

  test("closes idle connections after a grace period and accepts no new ones", async () => {
    const { clock, server, waiting } = await held();
    const idle = await Wire.to(server, head("GET /1"));
    await eventually(() => waiting.length === 1);
    waiting[0]?.();
    await idle.until("<1>".slice(0, 1));
    await eventually(() => server.inFlight === 0);
    const busy = await Wire.to(server, head("GET /2"));
    await eventually(() => server.inFlight === 1);
    const drained = server.drain(5_000);
    await expect(fetch(server.url)).rejects.toThrow("fetch failed");
    await clock.advance(graceMs - 1);
    await settled();
    expect(server.connections).toBe(2);
    await clock.advance(1);
    expect(await idle.closed).toBe("end");
    await eventually(() => server.connections === 1);
    waiting[1]?.();
    expect(await drained).toBe(0);
    expect(busy.text).toContain("</2>");
  });

  test("cuts off requests at the time limit and returns how many", async () => {
    const { clock, server, signals } = await held();
    const wires = [
      await Wire.to(server, head("GET /1"), head("GET /2")),
      await Wire.to(server, head("GET /3")),
    ];
    await eventually(() => server.inFlight === 3);
    const drained = server.drain(1_000);
    await clock.advance(999);
    expect(server.connections).toBe(2);
    await clock.advance(1);
    expect(await drained).toBe(3);
    for (const wire of wires) expect(await wire.rest()).toBe("");
    const reason = new CutOff("draining took longer than 1 s");
    expect(signals.map((signal) => signal.reason)).toEqual([reason, reason, reason]);
    expect([server.connections, server.inFlight, clock.pending]).toEqual([0, 0, 0]);
  });

  test("waits for a streaming response that has begun, then closes its connection", async () => {
    const clock = virtualClock();
    const source = new Source();
    const server = await served(() => httpResponse(200, source), { clock });
    const wire = await Wire.to(server, head("GET /"));
    await eventually(() => source.calls.length > 0);
    source.write("a");
    expect(await wire.until("\r\na\r\n")).toMatch(/connection: keep-alive/i);
    const drained = server.drain(5_000);
    await settled();
    expect(server.connections).toBe(1);
    source.write("b");
    source.end();
    await wire.until("\r\n0\r\n\r\n");
    await eventually(() => server.inFlight === 0);
    await clock.advance(graceMs);
    expect(await drained).toBe(0);
    expect(await wire.closed).toBe("end");
    expect(wire.text).toMatch(/\r\nb\r\n0\r\n\r\n$/);
  });

  test("ends at once when nothing is in flight", async () => {
    const { clock, server } = await held();
    expect(await server.drain(1_000)).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test("a second call joins the drain in progress", async () => {
    const { clock, server, waiting } = await held();
    await Wire.to(server, head("GET /1"));
    await eventually(() => waiting.length === 1);
    const both = Promise.all([server.drain(1_000), server.drain(2_000)]);
    waiting[0]?.();
    expect(await both).toEqual([0, 0]);
    expect(clock.pending).toBe(0);
  });

  test("close ends a drain in progress", async () => {
    const { clock, server, signals } = await held();
    const wire = await Wire.to(server, head("GET /1"));
    await eventually(() => server.inFlight === 1);
    const drained = server.drain(1_000);
    await server.close();
    await drained;
    expect(signals[0]?.reason).toEqual(new CutOff("the server was closed"));
    expect(await wire.rest()).toBe("");
    expect(clock.pending).toBe(0);
  });
});

describe("drain, defects found", () => {
  test("a connection without a request kept the drain from ending", async () => {
    const { clock, server } = await held();
    const silent = await Wire.to(server);
    const half = await Wire.to(server, "GET / HTTP/1.1\r\nHost:");
    await eventually(() => server.connections === 2);
    await settled();
    const drained = server.drain(10_000);
    await clock.advance(2 * graceMs);
    expect(await drained).toBe(0);
    expect(await silent.rest()).toBe("");
    expect(await half.rest()).toBe("");
  });

  test("all but the first of several pipelined requests were lost", async () => {
    const { server, waiting } = await held();
    const wire = await Wire.to(server, head("GET /1"), head("GET /2"), head("GET /3"));
    await eventually(() => waiting.length === 3);
    const drained = server.drain(1_000);
    for (const answer of waiting) answer();
    const all = await wire.rest();
    expect(all.match(/<.*?>/g)).toEqual(["</1>", "</2>", "</3>"]);
    expect(all.match(/connection: close/gi)).toHaveLength(1);
    expect(await drained).toBe(0);
  });

  test("a long response to a slow reader was cut off and counted as complete", async () => {
    const clock = virtualClock();
    const long = "y".repeat(32_000_000);
    const server = await served(() => json(long), { clock });
    const wire = await Wire.to(server, head("GET /"));
    wire.socket.pause();
    await eventually(() => server.inFlight === 1);
    // By now the stack has answered, and Node has written as much as the system's buffers take.
    for (let i = 0; i < 50; i++) await settled();
    const drained = server.drain(5_000);
    await settled();
    expect(server.inFlight).toBe(1);
    let got = 0;
    wire.socket
      .removeAllListeners("data")
      .on("data", (chunk: Buffer) => (got += chunk.length))
      .resume();
    await eventually(() => server.inFlight === 0);
    await clock.advance(graceMs);
    expect(await drained).toBe(0);
    expect(await wire.closed).toBe("end");
    expect(got).toBeGreaterThan(long.length);
  });

  test("a request that reached an idle connection as the drain began was served, but its client was reset", async () => {
    const { clock, server, waiting } = await held();
    const wires = await Promise.all(Array.from({ length: 50 }, () => Wire.to(server, head("GET /first"))));
    await eventually(() => waiting.length === 50);
    for (const answer of waiting.splice(0)) answer();
    for (const wire of wires) await wire.until("</first>");
    await eventually(() => server.inFlight === 0);
    const drained = server.drain(10_000);
    // Half are sent before the client can know of the drain, half at the end of the grace period.
    const body = ["Content-Length: 2"];
    for (const wire of wires.slice(0, 25)) wire.send(head("POST /second", ...body), "ab");
    await eventually(() => waiting.length === 25);
    await clock.advance(graceMs - 1);
    for (const wire of wires.slice(25)) wire.send(head("POST /second", ...body), "ab");
    await eventually(() => waiting.length === 50);
    for (const answer of waiting) answer();
    for (const wire of wires) {
      expect(await wire.rest()).toMatch(/connection: close\r\n[^]*<\/second>$/i);
      expect(await wire.closed).toBe("end");
    }
    expect(await drained).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test("a request that arrives after its idle connection was closed does not reach the stack", async () => {
    const { clock, server, waiting } = await held();
    const wire = await Wire.to(server, head("GET /1"));
    wire.socket.allowHalfOpen = true;
    await eventually(() => waiting.length === 1);
    waiting[0]?.();
    await wire.until("</1>");
    await eventually(() => server.inFlight === 0);
    const drained = server.drain(10_000);
    await clock.advance(graceMs);
    wire.send(head("POST /2", "Content-Length: 2"), "ab");
    await settled();
    await clock.advance(2_000);
    expect(await drained).toBe(0);
    expect(waiting).toHaveLength(1);
    wire.socket.end();
    expect(statuses(await wire.rest())).toEqual([200]);
  });

  test("a request whose head is still arriving when the drain begins is served", async () => {
    const { clock, server, waiting } = await held();
    const wire = await Wire.to(server, "GET /1 HT");
    await eventually(() => server.connections === 1);
    await settled();
    const drained = server.drain(20_000);
    for (const part of ["TP/1.1\r\nHo", "st: a\r\n"]) {
      await clock.advance(graceMs - 1);
      wire.send(part);
      for (let turn = 0; turn < 5; turn++) await settled();
      await clock.advance(1);
    }
    wire.send("\r\n");
    await eventually(() => waiting.length === 1);
    waiting[0]?.();
    expect(await wire.rest()).toMatch(/connection: close\r\n[^]*<\/1>$/i);
    expect(await drained).toBe(0);
  });

  test("a service's own Connection: keep-alive does not keep the connection open", async () => {
    const clock = virtualClock();
    let answer = (): void => {};
    const server = await served(
      () =>
        new Promise((resolve) => {
          answer = () => resolve(httpResponse(200, "a", { connection: "keep-alive" }));
        }),
      { clock },
    );
    const wire = await Wire.to(server, head("GET /"));
    await eventually(() => server.inFlight === 1);
    const drained = server.drain(1_000);
    answer();
    expect(await drained).toBe(0);
    expect(statuses(await wire.rest())).toEqual([200]);
  });
});

describe("idle connections", () => {
  test("are closed after 1 h without a request", async () => {
    const { clock, server, waiting } = await held();
    const wire = await Wire.to(server, head("GET /"));
    await eventually(() => waiting.length === 1);
    waiting[0]?.();
    await wire.until("</>");
    await eventually(() => server.inFlight === 0);
    await clock.advance(3_590_000);
    expect(server.connections).toBe(1);
    await clock.advance(70_000);
    await wire.closed;
    expect(clock.pending).toBe(0);
  });

  test("defect: a long response was cut off after 5 min although its client kept reading", async () => {
    const clock = virtualClock();
    const long = "y".repeat(64_000_000);
    const server = await served(() => json(long), { clock });
    const wire = await Wire.to(server, head("GET /"));
    let got = 0;
    wire.socket.removeAllListeners("data").on("data", (chunk: Buffer) => (got += chunk.length));
    for (let most = 4_000_000; most < long.length; most += 4_000_000) {
      await eventually(() => got >= most);
      wire.socket.pause();
      await clock.advance(30_000);
      wire.socket.resume();
    }
    await eventually(() => got > long.length);
    wire.socket.destroy();
    const stuck = await Wire.to(server, head("GET /"));
    stuck.socket.pause();
    await eventually(() => server.inFlight === 1);
    for (let turn = 0; turn < 50; turn++) await settled();
    await clock.advance(360_000);
    await eventually(() => server.connections === 0);
  });

  test("are closed after 5 min without a byte during a request", async () => {
    const { clock, server, signals } = await held();
    const wire = await Wire.to(server, head("POST /", "Content-Length: 10"));
    await eventually(() => server.inFlight === 1);
    await clock.advance(290_000);
    const { bytesRead } = wire.socket;
    wire.send("a");
    await settled();
    expect(bytesRead).toBe(0);
    await clock.advance(60_000);
    expect(signals[0]?.aborted).toBe(false);
    await clock.advance(600_000);
    await wire.closed;
    expect(signals[0]?.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });
});
