import { left, right, type Right, service } from "@pagoda/core";
import { bodyFrom, HttpHeaders, type HttpRequest, type HttpResponse, httpResponse, text } from "@pagoda/http";
import { type HttpServer, serve } from "@pagoda/http/server";
import { describe, expect, onTestFinished, test } from "vitest";
import { observed, Source } from "../bodies.ts";
import { eventually, head, served, statuses, Wire } from "./served.ts";

const stream = () => bodyFrom(["a"]);

/** A response with a framing field, which only the server may set. */
async function framedBy(name: string, ...values: string[]) {
  return right(httpResponse(200, "ab", new HttpHeaders(values.flatMap((value) => [name, value]))));
}

describe("a defect of the stack", () => {
  const defects: [name: string, call: () => unknown][] = [
    ["rejects", () => Promise.reject(new Error("a bug"))],
    [
      "throws",
      () => {
        throw new Error("a bug");
      },
    ],
    ["returns a Left that its type excludes", async () => left({ _tag: "TimedOut" })],
    ["resolves to undefined", async () => undefined],
    ["returns no promise", () => 1],
    ["returns no response", async () => right(undefined)],
    ["returns a field with a line feed", async () => right(text("a", 200, { x: "a\r\nSet-Cookie: b" }))],
    ["returns an invalid field name", async () => right(text("a", 200, { "a b": "c" }))],
    ["returns an invalid status", async () => right(text("a", 99))],
    ["returns 101 without an upgrade", async () => right(httpResponse(101))],
    ["returns a reason phrase with a line feed", async () => right({ ...text("a"), statusText: "a\r\nb" })],
    [
      "returns a Content-Length that is too short",
      async () => right(text("ab", 200, { "Content-Length": "1" })),
    ],
    [
      "returns a Content-Length that is too long",
      async () => right(text("ab", 200, { "content-length": "3" })),
    ],
    ["returns two Content-Lengths (defect: both were sent)", () => framedBy("Content-Length", "2", "1")],
    [
      "returns the same Content-Length twice (defect: both were sent)",
      () => framedBy("Content-Length", "2", "2"),
    ],
    [
      "returns a Content-Length that is not a number (defect: it was sent)",
      () => framedBy("Content-Length", "0x2"),
    ],
    [
      "returns an invalid Transfer-Encoding (defect: it was sent)",
      () => framedBy("Transfer-Encoding", "gzip"),
    ],
  ];

  test.each(defects)(
    "a stack that %s is answered with 500 and reported, and the server continues",
    async (_name, call) => {
      const seen: HttpRequest[] = [];
      const stack = service("bad", (request: HttpRequest) =>
        request.path === "/good" ? Promise.resolve(right(text("good"))) : (call() as never),
      );
      const started = await serve(stack, { defect: (_cause, request) => seen.push(request) });
      const server = (started as Right<HttpServer>).right;
      onTestFinished(() => server.close());
      const wire = await Wire.to(server, head("GET /bad"), head("GET /good", "Connection: close"));
      const all = await wire.rest();
      expect(statuses(all)).toEqual([500, 200]);
      expect(all).toMatch(/500 Internal Server Error\n[^]*good$/);
      expect(all).not.toMatch(/a bug|Set-Cookie/);
      expect(seen.map(({ path }) => path)).toEqual(["/bad"]);
      expect(server.inFlight).toBe(0);
    },
  );

  const late: [name: string, response: () => HttpResponse][] = [
    ["a stream shorter than its length", () => httpResponse(200, stream(), { "content-length": "2" })],
    ["a stream longer than its length", () => httpResponse(200, bodyFrom(["ab"]), { "content-length": "1" })],
    ["trailers with a line feed", () => httpResponse(200, trailing("a\r\nb"))],
  ];

  test.each(late)("%s, found after the head was sent, breaks off the response", async (_name, response) => {
    const seen: unknown[] = [];
    const server = await served(response, { defect: (cause) => seen.push(cause) });
    const wire = await Wire.to(server, head("GET /"), head("GET /"));
    expect(statuses(await wire.rest())).toEqual([200]);
    expect(wire.text).not.toMatch(/\r\n0\r\n/);
    expect(seen.length).toBeGreaterThan(0);
  });

  function trailing(value: string): Source {
    const source = new Source();
    source.onStart = () => {
      source.write("a");
      setImmediate(() => source.end(HttpHeaders.of({ x: value })));
    };
    return source;
  }

  test("the source of a response that cannot be sent is cancelled", async () => {
    const source = new Source();
    const calls = observed(source);
    const server = await served(() => httpResponse(200, source, { "a b": "c" }));
    expect((await fetch(server.url)).status).toBe(500);
    expect(calls).toEqual([false]);
    expect(source.calls).toHaveLength(1);
  });

  test("a body that was already read breaks off the response", async () => {
    const body = stream();
    const server = await served(() => httpResponse(200, body));
    expect(await (await fetch(server.url)).text()).toBe("a");
    await expect(fetch(server.url).then((response) => response.text())).rejects.toThrow(
      /terminated|fetch failed/,
    );
  });
});

describe("the end of a connection, defects found", () => {
  const bad = head("GET /bad", "Host: a");

  test("bytes after a refused request were parsed as a request", async () => {
    const called: string[] = [];
    const server = await served(({ path }) => (called.push(path), text(path)));
    const wire = await Wire.to(server, bad + head("GET /smuggled"));
    expect(statuses(await wire.rest())).toEqual([400]);
    expect(called).toEqual([]);
    expect(server.inFlight).toBe(0);
  });

  test("the rest of an upload answered without being read was parsed as a request", async () => {
    const called: string[] = [];
    const server = await served(({ path }) => (called.push(path), text(path)));
    const wire = await Wire.to(server, head("POST /1", "Content-Length: 5"));
    await wire.until("/1");
    wire.send("hello", head("GET /smuggled"));
    expect(statuses(await wire.rest())).toEqual([200]);
    expect(called).toEqual(["/1"]);
  });

  test.each([
    ["malformed input", "JUNK\r\n\r\n"],
    ["a request after Connection: close", head("GET /2", "Connection: close") + head("GET /3")],
  ])("the refusal of %s was sent as the answer to the request before it", async (_name, junk) => {
    const answers: (() => void)[] = [];
    const refused: string[] = [];
    const server = await served(
      ({ path }) => new Promise((resolve) => answers.push(() => resolve(text(`<${path}>`)))),
      { requestRefused: (status, reason) => refused.push(`${status} ${reason}`) },
    );
    const wire = await Wire.to(server, head("GET /1") + junk);
    await eventually(() => refused.length > 0);
    for (const answer of answers) answer();
    const all = await wire.rest();
    expect(statuses(all)).toEqual(answers.map(() => 200));
    expect(all).toMatch(/^[^]*<\/1>/);
    expect(all.match(/connection: close/gi)).toHaveLength(1);
    expect(refused).toEqual(["400 malformed request"]);
  });

  test("the refusal of later input was written into a response in progress", async () => {
    const source = new Source();
    const server = await served(() => httpResponse(200, source));
    const wire = await Wire.to(server, head("GET /1") + "JUNK\r\n\r\n");
    await eventually(() => source.calls.length > 0);
    source.write("a");
    source.end();
    const all = await wire.rest();
    expect(statuses(all)).toEqual([200]);
    expect(all).toMatch(/\r\na\r\n0\r\n\r\n$/);
  });

  test("a refused request was answered twice", async () => {
    const server = await served(() => text("never"));
    const wire = await Wire.to(
      server,
      head("POST /", "Transfer-Encoding: xchunked"),
      "0\r\n\r\nJUNK\r\n\r\n",
    );
    expect(statuses(await wire.rest())).toEqual([501]);
  });

  test("defect: the requests waiting on one connection were unbounded", async () => {
    const open = Promise.withResolvers<void>();
    let called = 0;
    const server = await served(async ({ path }) => {
      called++;
      await open.promise;
      return text(`<${path}>`);
    });
    const wire = await Wire.to(server, head("GET /").repeat(1_500));
    await eventually(() => server.inFlight === 1_000);
    open.resolve();
    const all = await wire.rest();
    expect(statuses(all).length).toBe(1_000);
    expect(all).toMatch(/connection: close\r\n\r\n<\/>$/i);
    expect(called).toBe(1_000);
  });

  test.each([
    ["is waiting", head("GET /")],
    ["was refused behind another", head("GET /") + head("GET /", "Host: a")],
  ])("defect: the requests behind one that %s were unbounded", async (_name, first) => {
    let called = 0;
    const server = await served(() => (called++, new Promise(() => {})));
    const wire = await Wire.to(server, first, head("GET /").repeat(2_500));
    await wire.closed;
    await eventually(() => server.connections === 0);
    expect(called).toBeLessThanOrEqual(1_000);
    expect(server.inFlight).toBe(0);
  });

  test("a client that reset after CONNECT crashed the process", async () => {
    const server = await served(({ method }) => (method === "CONNECT" ? new Promise(() => {}) : text("a")), {
      upgrades: ["connect"],
    });
    const wire = await Wire.to(server, "CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n");
    await eventually(() => server.inFlight === 1);
    wire.socket.resetAndDestroy();
    await eventually(() => server.connections === 0);
    expect((await fetch(server.url)).status).toBe(200);
  });

  test("an unknown expectation left the connection open and unreported", async () => {
    const refused: number[] = [];
    const server = await served(() => text("never"), { requestRefused: (status) => refused.push(status) });
    const wire = await Wire.to(server, head("GET /", "Expect: miracles"), head("GET /"));
    expect(statuses(await wire.rest())).toEqual([417]);
    expect(refused).toEqual([417]);
    expect(server.inFlight).toBe(0);
  });
});
