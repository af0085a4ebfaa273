import { settled, virtualClock } from "@pagoda/core/testing";
import { type HttpRequest, httpResponse, type HttpResponse, text } from "@pagoda/http";
import { right } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { Backlog } from "../../src/server/backlog.ts";
import { limitsOf } from "../../src/server/client-limits.ts";
import { HttpDate } from "../../src/server/http-date.ts";
import { Http1Connection } from "../../src/server/http1/connection.ts";
import type { ServerContext } from "../../src/server/server-context.ts";
import { Tunnels } from "../../src/server/tunnels.ts";
import { Sink, Source } from "../bodies.ts";
import { MemorySocket } from "./memory-socket.ts";
import { head, statuses } from "./served.ts";
import { outcomes } from "./state-outcomes.ts";

/** A connection in memory and in virtual time, its server, and everything that happens on it. */
class Bench implements ServerContext {
  readonly clock = virtualClock();
  readonly socket = new MemorySocket();
  /** The body of responses that stream. */
  readonly source = new Source();
  readonly signals: AbortSignal[] = [];
  readonly sinks: Sink[] = [];
  readonly defects: unknown[] = [];
  respond: (response: HttpResponse) => void = () => {};
  inFlight = 0;

  readonly scheme = "http";
  draining = false;
  readonly tunnels = new Tunnels(["websocket"]);
  readonly limits = limitsOf();
  readonly backlog = new Backlog();
  readonly date = new HttpDate(this.clock);
  readonly connection = new Http1Connection(this.socket.asSocket, this, this.clock);

  async call(request: HttpRequest, signal: AbortSignal): ReturnType<ServerContext["call"]> {
    this.signals.push(signal);
    if (request.method !== "GET" || request.upgrade !== undefined) this.sinks.push(Sink.on(request.body));
    return right(await new Promise<HttpResponse>((resolve) => (this.respond = resolve)));
  }

  began(): void {
    this.inFlight++;
  }

  ended(): void {
    this.inFlight--;
  }

  refused(): void {}

  defect(cause: unknown): void {
    this.defects.push(cause);
  }

  async receive(text: string): Promise<void> {
    this.socket.receive(text);
    await this.settle();
  }

  async answer(response: HttpResponse): Promise<void> {
    this.respond(response);
    await this.settle();
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) await settled();
  }

  /** Passes time, in which the server checks its connections. */
  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      await this.clock.advance(1_000);
      if (!this.socket.destroyed) this.connection.look(this.clock.now(), 0);
    }
    await this.settle();
  }

  /** Responses, how the connection stands, and what the calls in progress have noticed. */
  get outcome(): string {
    const parts = [statuses(this.socket.text).join(" ") || "-", this.socket.standing];
    if (this.signals.at(-1)?.aborted) parts.push("aborted");
    const sink = this.sinks.at(-1);
    if (sink !== undefined) parts.push(`body ${sink.ends.join() || "open"}`);
    if (this.source.calls.some((call) => call.startsWith("stop"))) parts.push("stopped");
    return parts.join(", ");
  }
}

const get = head("GET /");
const upgrade = head("GET /", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: a");

type States = Readonly<Record<string, (bench: Bench) => Promise<unknown>>>;
const states: States = {
  new: (bench) => bench.settle(),
  idle: async (bench) => {
    await bench.receive(get);
    await bench.answer(text("a"));
  },
  "mid-head": (bench) => bench.receive("GET / HTTP/1.1\r\nHo"),
  "mid-body": (bench) => bench.receive(`${head("POST /", "Content-Length: 10")}hello`),
  "mid-chunk": (bench) => bench.receive(`${head("POST /", "Transfer-Encoding: chunked")}a\r\nhello`),
  "answered mid-body": async (bench) => {
    await bench.receive(`${head("POST /", "Content-Length: 10")}hello`);
    await bench.answer(text("a"));
  },
  pending: (bench) => bench.receive(get),
  "two pending": (bench) => bench.receive(get + get),
  streaming: async (bench) => {
    await bench.receive(get);
    await bench.answer(httpResponse(200, bench.source));
    bench.source.write("some");
    await bench.settle();
  },
  "streaming to the end": async (bench) => {
    await bench.receive("GET / HTTP/1.0\r\n\r\n");
    await bench.answer(httpResponse(200, bench.source));
    bench.source.write("some");
    await bench.settle();
  },
  blocked: async (bench) => {
    await bench.receive(get);
    bench.socket.block();
    await bench.answer(httpResponse(200, bench.source));
    bench.source.write("x".repeat(500_000));
    await bench.settle();
  },
  "upgrade pending": (bench) => bench.receive(upgrade),
  tunnel: async (bench) => {
    await bench.receive(upgrade);
    await bench.answer(httpResponse(101, bench.source));
  },
  lingering: async (bench) => {
    await bench.receive(head("GET /", "Connection: close"));
    await bench.answer(text("a"));
  },
  "lingering mid-body": async (bench) => {
    await bench.receive(`${head("PUT /", "Content-Length: 10", "Connection: close")}hello`);
    await bench.answer(text("a"));
  },
  draining: async (bench) => {
    await bench.receive(get);
    bench.draining = true;
    bench.connection.drain();
    await bench.settle();
  },
  "draining idle": async (bench) => {
    await bench.receive(get);
    await bench.answer(text("a"));
    bench.draining = true;
    bench.connection.drain();
    await bench.settle();
  },
};

type Events = Readonly<Record<string, (bench: Bench) => Promise<unknown> | void>>;
const events: Events = {
  request: (bench) => bench.receive(get),
  garbage: (bench) => bench.receive("\0\0\0"),
  "rest of a body": (bench) => bench.receive("world"),
  end: (bench) => void bench.socket.push(null),
  reset: (bench) => void bench.socket.destroy(new Error("read ECONNRESET")),
  close: (bench) => void bench.socket.destroy(),
  taken: (bench) => bench.socket.unblock(),
  drain: (bench) => {
    bench.draining = true;
    bench.connection.drain();
  },
  "a minute": (bench) => bench.pass(61),
  "an hour": (bench) => bench.pass(3_700),
};

describe.each(Object.entries(states))("a connection that is %s", (state, enter) => {
  test.each(Object.entries(events))("gets %s", async (event, happens) => {
    const bench = new Bench();
    await enter(bench);
    await happens(bench);
    await bench.settle();
    expect(bench.outcome).toBe(outcomes[state]?.[event]);
    expect(bench.defects).toEqual([]);
    // Whatever has happened, nothing is left of it once the client is gone.
    bench.socket.unblock();
    bench.socket.destroy();
    await bench.settle();
    expect(bench.inFlight).toBe(0);
    expect(bench.clock.pending).toBe(0);
    expect(bench.signals.every(({ aborted }) => aborted)).toBe(true);
    expect(bench.sinks.every(({ ends }) => ends.length === 1)).toBe(true);
    bench.respond(httpResponse(200, new Source()));
    await bench.settle();
    expect(bench.defects).toEqual([]);
  });
});

describe("the body of a request that was answered before its end", () => {
  const begun = `${head("POST /", "Content-Length: 10")}hello`;

  test("defect: still reaches its reader", async () => {
    const bench = new Bench();
    await bench.receive(begun);
    await bench.answer(text("early"));
    await bench.receive("world");
    expect(bench.sinks[0]?.text).toBe("helloworld");
    expect(bench.outcome).toBe("200, ended, body end");
  });

  test("defect: fails when its client is gone, or sends something else", async () => {
    const gone = new Bench();
    await gone.receive(begun);
    await gone.answer(text("early"));
    gone.socket.destroy();
    await gone.settle();
    expect(gone.outcome).toBe("200, ended, aborted, body fail");
    const malformed = new Bench();
    await malformed.receive(`${head("POST /", "Transfer-Encoding: chunked")}5\r\nhello`);
    await malformed.answer(text("early"));
    await malformed.receive("!");
    expect(malformed.outcome).toBe("200, ended, body fail");
  });
});
