import { get, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { type Fault, left, type Service, service } from "@pagoda/core";
import { settled } from "@pagoda/core/testing";
import { bodyFrom, HttpHeaders, type HttpRequest, type HttpResponse, httpResponse, text } from "@pagoda/http";
import { toNode } from "@pagoda/node";
import { describe, expect, test } from "vitest";
import { type Answer, eventually, head, served, serverOf, Source, stackOf, Wire } from "./served.ts";

/** The bytes of a response to a request that ends the connection. */
async function sent(response: HttpResponse, line = "GET /", ...fields: string[]): Promise<string> {
  const server = await served(() => response);
  const wire = new Wire(server, head(line, "Connection: close", ...fields));
  await wire.closed;
  return wire.text;
}

describe("the response of toNode", () => {
  test("has its status, fields and body", async () => {
    const headers = HttpHeaders.of({ "Set-Cookie": ["a=1", "b=2"], "X-A": "1" });
    const received = await sent({ ...text("no lamp", 410), headers, statusText: "No Lamp" });
    expect(received).toMatch(
      /^HTTP\/1\.1 410 No Lamp\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-A: 1\r\nContent-Length: 7\r\n/,
    );
    expect(received).toMatch(/\r\nDate: .*\r\n/);
    expect(received).toMatch(/\r\n\r\nno lamp$/);
  });

  test("has the reason phrase of its status", async () => {
    expect(await sent(text("", 404))).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/);
  });

  test("arrives in chunks if its length is unknown", async () => {
    const received = await sent(httpResponse(200, bodyFrom(["some ", "bytes"])));
    expect(received).toMatch(/Transfer-Encoding: chunked\r\n[^]*\r\n0\r\n\r\n$/);
    // Node 26 joins chunks.
    expect(received.replace(/ \r\n5\r\n/, " ")).toContain("some bytes\r\n0\r\n");
  });

  test("ends with the connection of a client with HTTP/1.0", async () => {
    const received = await sent(httpResponse(200, bodyFrom(["some ", "bytes"])), "GET / HTTP/1.0");
    expect(received).toMatch(/\r\n\r\nsome bytes$/);
    expect(received).not.toMatch(/transfer-encoding|content-length/i);
  });

  test.each([
    ["HEAD /", httpResponse(200, "some bytes"), "Content-Length: 10\r\n"],
    ["HEAD /", httpResponse(200), undefined],
    ["HEAD /", httpResponse(200, "", { "content-length": "10" }), "Content-Length: 10\r\n"],
    ["GET /", httpResponse(304, "", { "content-length": "10" }), "Content-Length: 10\r\n"],
    ["GET /", httpResponse(204, "some bytes", { "content-length": "10" }), undefined],
  ])("to %s with status $status has no body", async (line, response, length) => {
    const received = await sent(response, line);
    expect(received).toMatch(/\r\n\r\n$/);
    expect(/content-length:.*\r\n/i.exec(received)?.[0]).toBe(length);
    expect(received).not.toMatch(/transfer-encoding/i);
  });

  test("without a body cancels the one that was not read", async () => {
    const source = new Source();
    await sent(httpResponse(204, source));
    expect(source.stopped).toHaveLength(1);
  });

  test("drops the fields of the origin's connection and keeps `close`", async () => {
    const headers = { connection: "keep-alive, x-a", "transfer-encoding": "chunked" };
    const server = await served(() => httpResponse(200, "", headers));
    expect(await new Wire(server, head("GET /")).until("\r\n\r\n")).toContain("Connection: keep-alive\r\n");
    const closing = await served(() => httpResponse(200, "", { connection: "close" }));
    const wire = new Wire(closing, head("GET /"));
    expect(await wire.closed).toBe("end");
    expect(wire.text).toContain("Connection: close\r\n");
  });

  test("has the trailers", async () => {
    const source = new Source();
    source.onGoOn = () => {
      source.write("a");
      source.end(HttpHeaders.of({ "X-Sum": "1", "Content-Type": "not a trailer" }));
    };
    const received = await sent(httpResponse(200, source, { trailer: "X-Sum" }));
    expect(received).toContain("trailer: X-Sum\r\n");
    expect(received).toMatch(/\r\n1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n$/);
  });

  test.each([
    ["accepts them", "TE: trailers", /transfer-encoding: chunked[^]*X-Sum: 1\r\n\r\n$/i],
    ["does not", "TE: gzip", /content-length: 1\r\n[^]*\r\n\r\na$/i],
  ])("with a length has trailers if the client %s", async (_what, te, pattern) => {
    const source = new Source();
    source.onGoOn = () => {
      source.write("a");
      source.end(HttpHeaders.of({ "X-Sum": "1" }));
    };
    const fields = { trailer: "X-Sum", "content-length": "1" };
    expect(await sent(httpResponse(200, source, fields), "GET /", te)).toMatch(pattern);
  });

  test("follows 1xx responses", async () => {
    const server = await served(({ onInformation }) => {
      const link = "</style.css>; rel=preload; as=style";
      for (const status of [100, 101, 102, 103])
        onInformation?.(status, HttpHeaders.of({ Link: link, "content-length": "1" }));
      return text("answer");
    });
    const received = await new Wire(server, head("GET /")).until("answer");
    expect([...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual([
      "102",
      "103",
      "200",
    ]);
    expect(received).toMatch(/103 Early Hints\r\nLink: <\/style\.css>; rel=preload; as=style\r\n\r\n/);
  });

  test("follows no 1xx responses to HTTP/1.0", async () => {
    const server = await served(({ onInformation }) => {
      onInformation?.(102, HttpHeaders.empty);
      return text("answer");
    });
    expect(await new Wire(server, head("GET / HTTP/1.0")).until("answer")).toMatch(/^HTTP\/1\.1 200 /);
  });

  test("has the fields that middleware has set, except for those about framing", async () => {
    const listener = toNode(stackOf(() => httpResponse(200, "some bytes", { "X-A": "the stack's" })));
    const server = await serverOf((incoming, response) => {
      response.setHeader("X-A", "the middleware's");
      response.setHeader("X-B", "kept");
      response.setHeader("Content-Length", "3");
      listener(incoming, response);
    });
    const response = await fetch(server.url);
    expect(["x-a", "x-b", "content-length"].map((name) => response.headers.get(name))).toEqual([
      "the stack's",
      "kept",
      "10",
    ]);
    expect(await response.text()).toBe("some bytes");
  });

  test("in chunks does not have a length that middleware has set", async () => {
    const listener = toNode(stackOf(() => httpResponse(200, bodyFrom(["some ", "bytes"]))));
    const server = await serverOf((incoming, response) => {
      response.setHeader("Content-Length", "3");
      listener(incoming, response);
    });
    const response = await fetch(server.url);
    expect(response.headers.get("content-length")).toBeNull();
    expect(await response.text()).toBe("some bytes");
  });

  test("sends the head before the first chunk", async () => {
    const source = new Source();
    const server = await served(() => httpResponse(200, source));
    const wire = new Wire(server, head("GET /"));
    expect(await wire.until("\r\n\r\n")).toContain("Transfer-Encoding: chunked");
    source.write("a");
    await wire.until("1\r\na\r\n");
  });

  test("streams while the request does", async () => {
    const server = await served(({ body }) => httpResponse(200, bodyFrom(body)));
    const wire = new Wire(server, head("POST /", "Transfer-Encoding: chunked"), "1\r\na\r\n");
    await wire.until("1\r\na\r\n");
    wire.send("1\r\nb\r\n");
    await wire.until("1\r\nb\r\n");
    wire.send("0\r\n\r\n");
    await wire.until("0\r\n\r\n");
  });

  test("to a slow reader pauses its source", async () => {
    const total = 64 * 1_048_576;
    const source = new Source();
    let given = 0;
    source.onGoOn = () => {
      let goOn = true;
      while (goOn && given < total) {
        goOn = source.write(Buffer.alloc(65_536, given / 65_536));
        given += 65_536;
      }
      if (given === total) source.end();
    };
    const server = await served(() => httpResponse(200, source));
    const [response] = (await once(get(server.url, { agent: false }), "response")) as [IncomingMessage];
    await eventually(() => given > 0);
    for (let i = 0; i < 100; i++) await settled();
    expect(given).toBeLessThan(total / 2);
    let at = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      expect(chunk[0]).toBe(Math.floor(at / 65_536) % 256);
      at += chunk.length;
    }
    expect(at).toBe(total);
  });
});

describe("toNode aborts", () => {
  test("the call and the response when the client goes away", async () => {
    const source = new Source();
    let signal: AbortSignal | undefined;
    const server = await served((_request, given) => {
      signal = given;
      return httpResponse(200, source);
    });
    const wire = new Wire(server, head("GET /"));
    await wire.until("chunked");
    wire.socket.destroy();
    await eventually(() => signal?.aborted === true);
    expect(String(signal?.reason)).toContain("the client closed the request");
    expect(source.stopped).toEqual([signal?.reason]);
  });

  test("a call without a response yet, whose response is then cancelled", async () => {
    const source = new Source();
    let answered = false;
    const server = await served(async (_request, signal) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      answered = true;
      return httpResponse(200, source);
    });
    const wire = new Wire(server, head("GET /"));
    await once(wire.socket, "connect");
    wire.socket.end();
    await eventually(() => answered && source.stopped.length > 0);
  });

  test("a call whose client left before the handler ran", async () => {
    let aborted: boolean | undefined;
    const listener = toNode(
      stackOf((_request, signal) => {
        ({ aborted } = signal);
        return text("too late");
      }),
    );
    const server = await serverOf((incoming, response) => {
      response.on("close", () => listener(incoming, response));
    });
    const wire = new Wire(server, head("GET /"));
    await once(wire.socket, "connect");
    wire.socket.end();
    await eventually(() => aborted !== undefined);
    expect(aborted).toBe(true);
  });

  test("nothing after a complete response", async () => {
    let signal: AbortSignal | undefined;
    const server = await served((_request, given) => {
      signal = given;
      return text("answer");
    });
    const wire = new Wire(server, head("GET /", "Connection: close"));
    await wire.closed;
    expect(signal?.aborted).toBe(false);
  });
});

describe("a response body that breaks off", () => {
  test.each([
    ["in chunks", "GET /", undefined, "end"],
    ["of known length", "GET /", 10, "end"],
    ["to HTTP/1.0", "GET / HTTP/1.0", undefined, "ECONNRESET"],
  ])("%s does not look complete", async (_what, line, length, how) => {
    const source = new Source();
    source.length = length;
    const server = await served(() => httpResponse(200, source));
    const wire = new Wire(server, head(line));
    await wire.until("\r\n\r\n");
    source.write("some");
    await wire.until("some");
    source.break();
    expect(await wire.closed).toBe(how);
    expect(wire.text).not.toContain("0\r\n\r\n");
  });
});

describe("a defect", () => {
  const answered500 = async (answer: Answer): Promise<unknown> => {
    const defects: [unknown, HttpRequest][] = [];
    const server = await served(answer, { defect: (...defect) => defects.push(defect) });
    const response = await fetch(`${server.url}/path`, { headers: { connection: "close" } });
    expect([response.status, await response.text()]).toEqual([500, "500 Internal Server Error\n"]);
    expect(response.headers.get("x-a")).toBeNull();
    expect(defects).toHaveLength(1);
    expect(defects[0]?.[1].path).toBe("/path");
    return defects[0]?.[0];
  };
  const fields = (headers: Record<string, string>): HttpResponse => httpResponse(200, "some bytes", headers);

  test("that the stack throws is answered with 500", async () => {
    const mistake = new Error("a mistake");
    expect(await answered500(() => Promise.reject(mistake))).toBe(mistake);
  });

  test.each([
    ["an invalid status", httpResponse(199), "status must be an integer from 200 to 999 (got 199)"],
    ["a line feed in a field", fields({ "X-A": "1", "X-B": "1\n2" }), "X-B contains an invalid character"],
    ["an invalid name", fields({ "X-A": "1", "X B": "1" }), '"X B" is invalid'],
    ["a line feed in the reason", { ...text(""), statusText: "a\nb" }, "reason phrase"],
    ["another length", fields({ "content-length": "3" }), 'must be the length of the body, 10 (got "3")'],
    ["an invalid length", fields({ "content-length": "ten" }), "must be a single number (got"],
    ["an unknown coding", fields({ "transfer-encoding": "gzip" }), "must be chunked"],
  ])("such as %s is answered with 500", async (_what, response, message) => {
    expect(String(await answered500(() => response))).toContain(message);
  });

  test("such as an error that the types excluded is answered with 500", async () => {
    const fault: Fault = { _tag: "Forgotten", origin: "local", retryable: false };
    const stack = service("mistaken", async (_request: HttpRequest) => left(fault));
    const defects: unknown[] = [];
    const server = await serverOf(
      toNode(stack as unknown as Service<HttpRequest, HttpResponse>, { defect: (it) => defects.push(it) }),
    );
    expect((await fetch(server.url)).status).toBe(500);
    expect(defects).toEqual([fault]);
  });

  test("such as a synchronous throw is answered with 500, without an observer, too", async () => {
    const thrower = {
      ready: () => undefined,
      call: () => {
        throw new Error("a mistake");
      },
    } as unknown as Service<HttpRequest, HttpResponse>;
    expect((await fetch((await serverOf(toNode(thrower))).url)).status).toBe(500);
  });

  test.each([
    ["longer", "some more bytes"],
    ["shorter", "some"],
  ])("such as a body %s than its length breaks the response off", async (what, bytes) => {
    const source = new Source();
    source.length = 10;
    const defects: unknown[] = [];
    const server = await served(() => httpResponse(200, source), { defect: (it) => defects.push(it) });
    const wire = new Wire(server, head("GET /"));
    await wire.until("\r\n\r\n");
    source.write(bytes);
    source.end();
    await wire.closed;
    expect(String(defects)).toContain(`the response body is ${what} than its Content-Length`);
  });

  test("such as an invalid trailer breaks the response off", async () => {
    const source = new Source();
    const defects: unknown[] = [];
    const server = await served(() => httpResponse(200, source), { defect: (it) => defects.push(it) });
    const wire = new Wire(server, head("GET /"));
    await wire.until("\r\n\r\n");
    source.end(HttpHeaders.of({ "X-A": "1\n2" }));
    await wire.closed;
    expect(wire.text).not.toContain("0\r\n\r\n");
    expect(String(defects)).toContain("X-A contains an invalid character");
  });
});
