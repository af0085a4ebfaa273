import { Agent, get, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { right, type Right, service } from "@pagoda/core";
import {
  bodyFrom,
  HttpHeaders,
  type HttpRequest,
  type HttpResponse,
  httpResponse,
  json,
  text,
} from "@pagoda/http";
import { type HttpServer, serve } from "@pagoda/http/server";
import { describe, expect, test } from "vitest";
import { Sink, Source } from "../bodies.ts";
import { eventually, head, served, statuses, Wire } from "./served.ts";

describe("serve", () => {
  test("a minimal service reads JSON and answers with JSON", async () => {
    const greet = service("greet", async (request: HttpRequest) => {
      const body = await request.body.json();
      return right(body._tag === "Right" ? json({ hello: body.right }) : text("not JSON\n", 400));
    });
    const server = (await serve(greet)) as Right<HttpServer>;
    const { url } = server.right;
    const response = await fetch(url, { method: "POST", body: '"you"' });
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toEqual({ hello: "you" });
    expect((await fetch(url, { method: "POST", body: "{" })).status).toBe(400);
    await server.right.close();
  });

  test("accepts connections on given sockets and closes them when it closes", async () => {
    const bound = await Promise.all(
      [createServer(), createServer()].map(async (socket) => {
        await once(socket.listen(0, "127.0.0.1"), "listening");
        return { socket, port: (socket.address() as AddressInfo).port };
      }),
    );
    const hello = service("hello", async (_request: HttpRequest) => right(text("hello")));
    const server = (await serve(hello, { sockets: bound.map(({ socket }) => socket) })) as Right<HttpServer>;
    for (const { port } of bound)
      expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe("hello");
    await server.right.close();
    for (const { port } of bound)
      await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toMatchObject({
        cause: { code: "ECONNREFUSED" },
      });
  });

  test("passes the request to the stack unchanged", async () => {
    let seen: HttpRequest | undefined;
    const server = await served((request) => {
      seen = request;
      return httpResponse(200);
    });
    const wire = await Wire.to(server, head("QUERY /a//b?c=%20&d", "X-y: 1", "x-Y: 2"));
    await wire.until("\r\n\r\n");
    expect(seen).toMatchObject({
      method: "QUERY",
      scheme: "http",
      authority: "a",
      path: "/a//b",
      query: "?c=%20&d",
      version: "1.1",
      peer: { address: "127.0.0.1", port: wire.socket.localPort },
    });
    expect(seen?.headers.raw).toEqual(["Host", "a", "X-y", "1", "x-Y", "2"]);
  });

  test("sends Content-Length if the length is known, otherwise chunks", async () => {
    const server = await served(({ path }) =>
      path === "/known" ? text("grüß") : httpResponse(200, bodyFrom(["a", "b"])),
    );
    const known = await Wire.to(server, head("GET /known", "Connection: close"));
    expect(await known.rest()).toMatch(/content-length: 6\r\n[^]*\r\n\r\ngrÃ¼Ã\x9f$/);
    const unknown = await Wire.to(server, head("GET /unknown", "Connection: close"));
    expect(await unknown.rest()).toMatch(
      /transfer-encoding: chunked\r\n\r\n(1\r\na\r\n1\r\nb|2\r\nab)\r\n0\r\n\r\n$/i,
    );
  });

  test("preserves the order, case and repetition of response fields, and the reason phrase", async () => {
    const headers = new HttpHeaders(["X-B", "1", "x-a", "2", "X-b", "3"]);
    const server = await served(() => ({ ...httpResponse(200, "a", headers), statusText: "Fine" }));
    const wire = await Wire.to(server, head("GET /"));
    expect(await wire.until("\r\n\r\na")).toMatch(/^HTTP\/1\.1 200 Fine\r\nX-B: 1\r\nx-a: 2\r\nX-b: 3\r\n/);
  });

  test.each([
    ["HEAD", 200, "a body"],
    ["GET", 204, ""],
    ["GET", 304, "a body"],
  ])("%s answered with %d has no body, and the connection is reused", async (method, status, body) => {
    const cancelled: unknown[] = [];
    const stream = bodyFrom(["streamed"]);
    stream.observe((complete) => cancelled.push(complete));
    const server = await served(({ path }) => httpResponse(status, path === "/s" ? stream : body));
    const wire = await Wire.to(
      server,
      head(`${method} /`),
      head(`${method} /s`),
      head("GET /", "Connection: close"),
    );
    const all = await wire.rest();
    expect(statuses(all)).toEqual([status, status, status]);
    expect(
      all
        .split("HTTP/1.1")
        .slice(1, 3)
        .every((each) => each.endsWith("\r\n\r\n")),
    ).toBe(true);
    expect(all).not.toContain("streamed");
    expect(cancelled).toEqual([false]);
  });

  test("trailers are sent and received", async () => {
    let trailers: HttpHeaders | undefined;
    const server = await served(async ({ body }) => {
      const sink = Sink.on(body);
      await eventually(() => sink.ends.length > 0);
      trailers = sink.trailers;
      const echo = Object.assign(bodyFrom(["a"]), {});
      const pipe = echo.pipe.bind(echo);
      echo.pipe = (to) =>
        pipe({
          write: (chunk) => to.write(chunk),
          end: () => to.end(HttpHeaders.of({ Sum: "1", sum: "2" })),
          fail: (fault) => to.fail(fault),
        });
      return httpResponse(200, echo);
    });
    const chunked = head("POST /", "Transfer-Encoding: chunked", "Connection: close");
    const wire = await Wire.to(server, chunked, "1\r\na\r\n0\r\nIn: 1\r\nin: 2\r\n\r\n");
    expect(await wire.rest()).toMatch(/\r\n0\r\nSum: 1\r\nsum: 2\r\n\r\n$/);
    expect(trailers?.raw).toEqual(["In", "1", "in", "2"]);
  });

  test("100 is sent when the body is first read, not before", async () => {
    const server = await served(async (request) => {
      request.onInformation?.(103, HttpHeaders.of({ link: "</a>" }));
      const body = await request.body.text();
      return text(body._tag === "Right" ? body.right : "broken");
    });
    const wire = await Wire.to(server, head("POST /", "Expect: 100-continue", "Content-Length: 2"));
    await wire.until("100 Continue\r\n\r\n");
    wire.send("ab");
    const all = await wire.until("\r\n\r\nab");
    expect(statuses(all)).toEqual([103, 100, 200]);
    expect(all).toContain("link: </a>\r\n");
  });

  test("100 is not sent when the service answers without reading, and the connection is closed", async () => {
    const server = await served(() => text("no\n", 413));
    const wire = await Wire.to(server, head("POST /", "Expect: 100-continue", "Content-Length: 2"));
    const all = await wire.rest();
    expect(statuses(all)).toEqual([413]);
    expect(all).toMatch(/connection: close/i);
  });

  test("100 is not sent once the response has begun", async () => {
    const server = await served(({ body }) => {
      const source = new Source();
      source.onStart = () => {
        Sink.on(body);
        source.write("begun");
        source.end();
      };
      return httpResponse(200, source);
    });
    const wire = await Wire.to(server, head("POST /", "Expect: 100-continue", "Content-Length: 2"));
    expect(statuses(await wire.rest())).toEqual([200]);
    expect(wire.text).toMatch(/begun\r\n0\r\n\r\n$/);
  });

  test.each([100, 101])("onInformation sends no %d", async (status) => {
    const server = await served((request) => {
      request.onInformation?.(status, HttpHeaders.empty);
      return text("a");
    });
    const wire = await Wire.to(server, head("GET /"));
    expect(statuses(await wire.until("\r\n\r\na"))).toEqual([200]);
  });

  test("defect: 1xx responses were sent to HTTP/1.0 clients, which do not support them", async () => {
    const server = await served((request) => {
      request.onInformation?.(103, HttpHeaders.empty);
      return text("a");
    });
    const wire = await Wire.to(server, head("GET / HTTP/1.0"));
    expect(statuses(await wire.rest())).toEqual([200]);
  });

  test("defect: framing fields were sent with responses that have no body", async () => {
    const fields = HttpHeaders.of({ "Content-Length": "5", "transfer-encoding": "chunked", x: "y" });
    const server = await served((request) => {
      request.onInformation?.(103, fields);
      return httpResponse(204, undefined, fields);
    });
    const wire = await Wire.to(server, head("GET /", "Connection: close"));
    const all = await wire.rest();
    expect(statuses(all)).toEqual([103, 204]);
    expect(all.match(/x: y/g)).toHaveLength(2);
    expect(all).not.toMatch(/content-length|transfer-encoding/i);
  });

  test.each([
    ["with a Content-Length", head("GET /", "Connection: close"), { "content-length": "1" }, "a"],
    ["to an HTTP/1.0 request", head("GET / HTTP/1.0"), {}, "a"],
    ["to a HEAD request", head("HEAD /", "Connection: close"), {}, ""],
  ])(
    "defect: a response %s, which cannot carry trailers, failed if it had some",
    async (_to, request, fields, body) => {
      const defects: unknown[] = [];
      const server = await served(
        () => {
          const source = new Source();
          source.onStart = () => {
            source.write("a");
            source.end(HttpHeaders.of({ sum: "1" }));
          };
          return httpResponse(200, source, { trailer: "sum", ...fields });
        },
        { defect: (cause) => defects.push(cause) },
      );
      const wire = await Wire.to(server, request);
      const [, sent] = (await wire.rest()).split("\r\n\r\n");
      expect([statuses(wire.text), sent, defects]).toEqual([[200], body, []]);
      expect(wire.text).not.toMatch(/trailer|sum/i);
    },
  );

  test.each(["trailers", "gzip, Trailers"])(
    "defect: trailers of a body with a Content-Length were lost although the client asked for them: TE: %s",
    async (te) => {
      const server = await served(() => {
        const source = new Source();
        source.onStart = () => {
          source.write("a");
          source.end(HttpHeaders.of({ sum: "1" }));
        };
        return httpResponse(200, source, { trailer: "sum", "content-length": "1" });
      });
      const wire = await Wire.to(server, head("GET /", `TE: ${te}`, "Connection: TE, close"));
      expect(await wire.rest()).toMatch(/trailer: sum\r\n[^]*\r\n\r\n1\r\na\r\n0\r\nsum: 1\r\n\r\n$/);
      expect(wire.text).not.toMatch(/content-length/i);
    },
  );

  test.each([
    ["in chunks", {}],
    ["with a Content-Length", { "content-length": "200000" }],
  ])("defect: data written just before a body %s broke was lost", async (_, fields) => {
    const server = await served(() => {
      const source = new Source();
      source.onStart = () => {
        source.write("a".repeat(100_000));
        source.break();
      };
      return httpResponse(200, source, fields);
    });
    const wire = await Wire.to(server, head("GET /"));
    expect(await wire.rest()).toMatch(/a{100000}(?:\r\n)?$/);
  });

  test("defect: a service could make the server send chunks to HTTP/1.0 clients, which do not support them", async () => {
    const chunked = HttpHeaders.of({ "Transfer-Encoding": "chunked" });
    const server = await served(() => httpResponse(200, bodyFrom(["a", "b"]), chunked));
    const old = await Wire.to(server, head("GET / HTTP/1.0"));
    expect(await old.rest()).toMatch(/\r\n\r\nab$/);
    const wire = await Wire.to(server, head("GET /", "Connection: close"));
    expect((await wire.rest()).match(/transfer-encoding: chunked/gi)).toHaveLength(1);
  });

  test("keeps connections alive", async () => {
    const server = await served(() => text("a"));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    for (let i = 0; i < 3; i++) {
      await new Promise<void>((resolve) => {
        get(server.url, { agent }, (response: IncomingMessage) => {
          ports.add(response.socket.localPort);
          response.resume().on("end", resolve);
        });
      });
    }
    agent.destroy();
    expect(ports.size).toBe(1);
  });

  test("pipelined requests are answered in order", async () => {
    const answers = new Map<string, (response: HttpResponse) => void>();
    const server = await served(({ path }) => new Promise((resolve) => answers.set(path, resolve)));
    const wire = await Wire.to(server, head("GET /1"), head("GET /2"), head("GET /3"));
    await eventually(() => answers.size === 3);
    for (const path of ["/3", "/2", "/1"]) answers.get(path)?.(text(`<${path}>`));
    const all = await wire.until("</3>");
    expect(all.match(/<.*?>/g)).toEqual(["</1>", "</2>", "</3>"]);
    expect(server.inFlight).toBe(0);
  });

  test("returns ListenFailed for a port in use", async () => {
    const { port } = await served(() => text("a"));
    const stack = service("other", async (request: HttpRequest) => right(text(request.path)));
    expect(await serve(stack, { port })).toMatchObject({
      left: { _tag: "ListenFailed", host: "127.0.0.1", port, code: "EADDRINUSE", retryable: true },
    });
  });

  test("enforces maxConnectionsPerClient per client", async () => {
    const refused: number[] = [];
    const server = await served(() => text("a"), {
      maxConnectionsPerClient: 2,
      connectionRefused: () => void refused.push(1),
    });
    const [first] = [await Wire.to(server), await Wire.to(server)];
    const third = await Wire.to(server);
    expect(await third.rest()).toBe("");
    expect(refused).toHaveLength(1);
    const other = new Wire(connect({ port: server.port, host: server.host, localAddress: "127.0.0.2" }));
    other.send(head("GET /", "Connection: close"));
    expect(statuses(await other.rest())).toEqual([200]);
    first?.socket.destroy();
    await eventually(() => server.connections === 1);
    const again = await Wire.to(server, head("GET /"));
    await again.until("200 OK");
    server.update({});
    const more = await Wire.to(server, head("GET /"));
    await more.until("200 OK");
    expect(refused).toHaveLength(1);
  });

  test("closes connections over maxConnections at once", async () => {
    let refused = 0;
    const seen: string[] = [];
    const server = await served(() => text("a"), {
      maxConnections: 1,
      connectionRefused: () => refused++,
      connections: (open, change) => seen.push(`${change} ${open}`),
    });
    const first = await Wire.to(server, head("GET /"));
    await first.until("\r\n\r\na");
    const second = await Wire.to(server, head("GET /"));
    await second.closed;
    expect(second.text).toBe("");
    expect(refused).toBe(1);
    expect(server.connections).toBe(1);
    first.socket.destroy();
    await eventually(() => server.connections === 0);
    const third = await Wire.to(server, head("GET /"));
    await third.until("\r\n\r\na");
    expect(seen).toEqual(["opened 1", "closed 0", "opened 1"]);
  });

  test("close cuts off all calls and keeps url, host and port", async () => {
    let signal: AbortSignal | undefined;
    const server = await served((_request, given) => {
      signal = given;
      return new Promise(() => {});
    });
    const { url, port } = server;
    const wire = await Wire.to(server, head("GET /"));
    await eventually(() => signal !== undefined);
    await server.close();
    await wire.closed;
    expect(signal?.aborted).toBe(true);
    expect([server.inFlight, server.connections]).toEqual([0, 0]);
    expect([server.url, server.port, server.host]).toEqual([url, port, "127.0.0.1"]);
    await expect(fetch(url)).rejects.toThrow("fetch failed");
  });
});
