import { getEventListeners } from "node:events";
import type { IncomingMessage, RequestListener } from "node:http";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { type Endpoint, type Fault, left, right, service, type Service } from "@pagoda/core";
import { bodyFrom, HttpHeaders, type HttpRequest, httpResponse, type HttpResponse } from "@pagoda/http";
import { mockService, settled } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { httpProbe, type HttpProbeOptions, type Probe } from "@pagoda/health";
import { endpoint, httpServer, said } from "./servers.ts";

interface Down extends Fault<"Down"> {
  readonly code: string;
}

/** Calls a local server with `fetch`. */
function client(port: number): Service<HttpRequest, HttpResponse, Down> {
  return service("client", async ({ method, path, query, headers }, signal) => {
    try {
      const response = await fetch(`http://127.0.0.1:${port}${path}${query}`, {
        method,
        headers: [...headers].map(([name, value]): [string, string] => [name, value]),
        ...(signal && { signal }),
      });
      const { status, body } = response;
      const stream = body === null ? Readable.from([]) : Readable.fromWeb(body as ReadableStream);
      return right({ status, headers: HttpHeaders.empty, body: bodyFrom(stream) });
    } catch (cause) {
      const { code = "ABORTED" } = ((cause as Error).cause ?? {}) as { readonly code?: string };
      return left({ _tag: "Down", origin: "upstream", retryable: true, code });
    }
  });
}

type Options = Omit<HttpProbeOptions<Endpoint>, "call">;

/** A probe of a real server. */
async function probing(answer: RequestListener, options: Options = {}): Promise<Probe> {
  const called = client(await httpServer(answer));
  return httpProbe({ call: () => called, ...options });
}

const status =
  (status: number, body = ""): RequestListener =>
  (_request, response) =>
    response.writeHead(status).end(body);

describe("httpProbe of a server", () => {
  test("only 200 succeeds by default", async () => {
    expect(await said(await probing(status(200)))).toBe("well");
    expect(await said(await probing(status(204)))).toBe("status 204 instead of 200");
    expect(await said(await probing(status(503, "busy")))).toBe("status 503 instead of 200");
  });

  test("ranges include both ends", async () => {
    const expectedStatus = [[200, 299], 404] as const;
    for (const each of [200, 299, 404]) {
      expect(await said(await probing(status(each), { expectedStatus }))).toBe("well");
    }
    for (const each of [300, 403, 405]) {
      expect(await said(await probing(status(each), { expectedStatus }))).toBe(
        `status ${each} instead of 200 to 299, 404`,
      );
    }
  });

  test("sends the configured request", async () => {
    const seen = Promise.withResolvers<IncomingMessage>();
    const probe = await probing(
      (request, response) => {
        seen.resolve(request);
        response.end();
      },
      { method: "HEAD", path: "/ready?deep=1", headers: { "x-probe": "yes" } },
    );
    expect(await said(probe)).toBe("well");
    const { method, url, headers } = await seen.promise;
    expect([method, url, headers["x-probe"]]).toEqual(["HEAD", "/ready?deep=1", "yes"]);
  });

  test("expectedBody is a substring or a pattern", async () => {
    const answer = status(200, "state: fine\n");
    expect(await said(await probing(answer, { expectedBody: "fine" }))).toBe("well");
    expect(await said(await probing(answer, { expectedBody: /^state: (?:fine|good)$/m }))).toBe("well");
    const repeated = await probing(answer, { expectedBody: /fine/g });
    expect([await said(repeated), await said(repeated)]).toEqual(["well", "well"]);
    expect(await said(await probing(answer, { expectedBody: "Fine" }))).toBe("unexpected body");
  });

  test("a body over maxBodyBytes fails only with expectedBody", async () => {
    const answer = status(200, "x".repeat(1_000));
    const reason = "body exceeds 999 bytes";
    expect(await said(await probing(answer, { expectedBody: "x", maxBodyBytes: 999 }))).toBe(reason);
    expect(await said(await probing(answer, { maxBodyBytes: 999 }))).toBe("well");
    expect(await said(await probing(answer, { expectedBody: "x", maxBodyBytes: 1_000 }))).toBe("well");
  });

  test("an incomplete body fails", async () => {
    const probe = await probing((_request, response) => {
      response.writeHead(200, { "content-length": "10" });
      response.write("half", () => response.destroy());
    });
    expect(await said(probe)).toBe("body broke off");
  });

  test("a body that never ends is given up and its connection closed", async () => {
    const closed = Promise.withResolvers<void>();
    const port = await httpServer((request, response) => {
      request.socket.on("close", () => closed.resolve());
      response.writeHead(200).write("and so on");
    });
    const headed = Promise.withResolvers<void>();
    const called = client(port);
    const probe = httpProbe({
      call: () =>
        service("watched", async (request: HttpRequest, signal) => {
          const result = await called.call(request, signal);
          headed.resolve();
          return result;
        }),
    });
    const leaving = new AbortController();
    const result = said(probe, leaving.signal);
    await headed.promise;
    await settled();
    leaving.abort();
    expect(await result).toBe("local: aborted");
    await closed.promise;
  });
});

describe("httpProbe of any service", () => {
  /** A probe of a service with this result. */
  const giving = (result: Awaited<ReturnType<Service<HttpRequest, HttpResponse, unknown>["call"]>>): Probe =>
    httpProbe({ call: () => service("given", async () => result) });

  test("reports a fault by tag; local faults count neither way", async () => {
    const down: Down = { _tag: "Down", origin: "upstream", retryable: true, code: "ECONNREFUSED" };
    expect(await said(giving(left(down)))).toBe("Down: ECONNREFUSED");
    expect(await said(giving(left({ ...down, origin: "local", code: undefined })))).toBe("local: Down");
    expect(await said(giving(left("odd")))).toBe("failed: odd");
    expect(await said(giving(right({ ...httpResponse(503), fault: { ...down, origin: "local" } })))).toBe(
      "local: Down: ECONNREFUSED",
    );
  });

  test.each([
    ["https://10.0.0.7:8443", {}, "https", "10.0.0.7:8443"],
    ["http://[::1]:80/path", {}, "http", "[::1]:80"],
    ["10.0.0.7:8080", {}, "http", "10.0.0.7:8080"],
    ["https://10.0.0.7:8443", { host: "api.example.com" }, "https", "api.example.com"],
  ])("endpoint %s with %o is called as %s://%s", async (key, options, scheme, authority) => {
    const mock = mockService<HttpRequest, HttpResponse>();
    const probe = httpProbe({ call: () => mock.service, ...options });
    const { signal } = new AbortController();
    const result = probe({ key }, signal);
    const { request, answer } = await mock.next();
    expect(request).toMatchObject({ scheme, authority, method: "GET", path: "/", query: "" });
    answer(httpResponse(200));
    expect(await result).toEqual(right(undefined));
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("cancels the body after an unexpected status and after the time limit", async () => {
    const cancelled: string[] = [];
    const never = (name: string): HttpResponse => {
      const body = bodyFrom(new Readable({ read() {} }));
      body.observe((complete) => cancelled.push(`${name} ${complete}`));
      return { ...httpResponse(name === "status" ? 500 : 200), body };
    };
    const mock = mockService<HttpRequest, HttpResponse>();
    // A service that ignores the signal.
    const probe = httpProbe({
      call: () => ({ ...mock.service, call: (request) => mock.service.call(request) }),
    });
    const status = said(probe);
    (await mock.next()).answer(never("status"));
    expect(await status).toBe("status 500 instead of 200");
    const leaving = new AbortController();
    const late = said(probe, leaving.signal);
    const call = await mock.next();
    leaving.abort();
    call.answer(never("late"));
    expect(await late).toBe("local: aborted");
    const reading = new AbortController();
    const read = said(probe, reading.signal);
    (await mock.next()).answer(never("read"));
    await mock.expectNoCall();
    reading.abort();
    expect(await read).toBe("local: aborted");
    expect(cancelled).toEqual(["status false", "late false", "read false"]);
  });

  test("creates one service per endpoint and frees it when the endpoint is removed", async () => {
    const events: string[] = [];
    const probe = httpProbe({
      call({ key }, atEnd) {
        events.push(`${key} made`);
        atEnd(() => events.push(`${key} freed`));
        return service("well", async () => right(httpResponse(200)));
      },
    });
    expect([await said(probe), await said(probe)]).toEqual(["well", "well"]);
    probe.gone?.(endpoint);
    expect(events).toEqual(["a made", "a freed"]);
  });

  test.each([
    [{ expectedStatus: [99] }, "httpProbe: expectedStatus must be an integer from 100 to 599 (got 99)"],
    [
      { expectedStatus: [[299, 200]] as const },
      "httpProbe: end of a range in expectedStatus must be an integer from 299 to 599 (got 200)",
    ],
    [{ expectedStatus: [] }, "httpProbe: expectedStatus must be a list of at least one status (got [])"],
    [{ maxBodyBytes: 0 }, "httpProbe: maxBodyBytes must be an integer of at least 1 (got 0)"],
    [
      { path: "ready" },
      'httpProbe: path must be a path as it is sent, / first, without spaces (got "ready")',
    ],
    [{ path: "/a b" }, 'httpProbe: path must be a path as it is sent, / first, without spaces (got "/a b")'],
  ])("does not take %o", (options: Options, message) => {
    const call = (): Service<HttpRequest, HttpResponse> =>
      mockService<HttpRequest, HttpResponse>().service as never;
    expect(() => httpProbe({ call, ...options })).toThrow(RangeError);
    expect(() => httpProbe({ call, ...options })).toThrow(message);
  });
});
