import { getEventListeners } from "node:events";
import { bodyFrom, type HttpRequest } from "@pagoda/http";
import { settled } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { Given } from "./given.ts";
import { bareOrigin, client, faultOf, request, responseOf, textOf, untilIdle } from "./origin.ts";

const aborted = { _tag: "Aborted", origin: "local", retryable: false, cause: expect.any(Error) as Error };

async function bench(message: HttpRequest = request()) {
  const origin = await bareOrigin();
  const transport = client(origin.url);
  const controller = new AbortController();
  const result = transport.call(message, controller.signal);
  return { origin, transport, controller, result };
}

function nothingLeft({ signal }: AbortController): void {
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
}

describe("an abort", () => {
  test("before the call sends nothing", async () => {
    const origin = await bareOrigin();
    const transport = client(origin.url);
    const signal = AbortSignal.abort(new Error("before"));
    expect(await faultOf(transport.call(request(), signal))).toEqual({ ...aborted, cause: signal.reason });
    expect(transport.describe().state).toMatchObject({ inFlight: 0, connections: 0 });
    expect(origin.connections).toHaveLength(0);
  });

  test("defect: an abort while connecting kept its slot until connected", async () => {
    const silent = await bareOrigin();
    const upstream = silent.url.replace("http:", "https:");
    const transport = client(upstream, { maxConnections: 1 });
    const controller = new AbortController();
    const result = transport.call(request(), controller.signal);
    await silent.next();
    controller.abort();
    expect(await faultOf(result)).toEqual({ ...aborted, upstream, cause: controller.signal.reason });
    expect(transport.describe().state).toMatchObject({ inFlight: 0 });
    expect(transport.ready()).toBeUndefined();
    nothingLeft(controller);
  });

  test("while connecting leaves the connection to the next call", async () => {
    const { origin, transport, controller, result } = await bench(request("GET", "/first"));
    controller.abort();
    expect(await faultOf(result)).toMatchObject(aborted);
    const next = transport.call(request("GET", "/second"));
    const connection = await origin.next();
    expect(await connection.head()).toMatch(/^GET \/second /);
    connection.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "ok");
    expect(await textOf(next)).toBe("ok");
    expect(origin.connections).toHaveLength(1);
    await untilIdle(transport);
  });

  test("while connecting does not make the next call wait for it", async () => {
    const origin = await bareOrigin();
    const transport = client(origin.url);
    const first = transport.call(request());
    const connection = await origin.next();
    await connection.head();
    connection.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "o");
    const { body } = await responseOf(first);
    // A call starts while the first has the connection, and is aborted after the first has returned it.
    const controller = new AbortController();
    await new Promise<void>((resolve, reject) => {
      const write = (chunk: Uint8Array): boolean => {
        if (chunk[0] === 0x6f) connection.say("k");
        else void transport.call(request(), controller.signal);
        return true;
      };
      const end = (): void => {
        controller.abort();
        resolve();
      };
      body.pipe({ write, end, fail: reject });
    });
    const next = transport.call(request("GET", "/next"));
    expect(await connection.head()).toMatch(/^GET \/next /);
    connection.say("HTTP/1.1 200 OK", "Content-Length: 2", "", "ok");
    expect(await textOf(next)).toBe("ok");
  });

  test("while connecting leaves the body unread for another attempt", async () => {
    const body = new Given();
    const { controller, result, origin } = await bench(request("POST", "/", { body }));
    controller.abort();
    await faultOf(result);
    await origin.next();
    for (let turn = 0; turn < 20; turn++) await settled();
    expect(body.begun).toBe(false);
  });

  test("while waiting for the headers closes the connection", async () => {
    const { origin, transport, controller, result } = await bench();
    const connection = await origin.next();
    await connection.head();
    controller.abort();
    expect(await faultOf(result)).toMatchObject(aborted);
    await connection.closed;
    await untilIdle(transport);
    nothingLeft(controller);
  });

  test("takes precedence over a response that arrives with it", async () => {
    const { origin, transport, controller, result } = await bench();
    const connection = await origin.next();
    await connection.head();
    connection.socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    controller.abort();
    expect(await faultOf(result)).toMatchObject(aborted);
    await connection.closed;
    await untilIdle(transport);
    nothingLeft(controller);
  });

  test("after the headers has no effect, unlike cancelling the body", async () => {
    const { origin, transport, controller, result } = await bench();
    const connection = await origin.next();
    await connection.head();
    connection.say("HTTP/1.1 200 OK", "Content-Length: 4", "", "ha");
    const { body } = await responseOf(result);
    nothingLeft(controller);
    controller.abort();
    connection.say("lf");
    expect(await body.text()).toEqual({ _tag: "Right", right: "half" });
    await untilIdle(transport);
  });

  test("defect: an abort did not reach the source of a paused upload", async () => {
    const body = new Given();
    const { origin, transport, controller, result } = await bench(request("POST", "/", { body }));
    const connection = await origin.next();
    await body.give("a");
    await connection.until("\r\na");
    controller.abort();
    expect(await faultOf(result)).toMatchObject(aborted);
    await body.stopped;
    await connection.closed;
    expect(connection.text).not.toContain("0\r\n");
    await untilIdle(transport);
  });

  test("ends an iterable that is the source of the body", async () => {
    const ended = Promise.withResolvers<void>();
    async function* endless() {
      try {
        for (;;) {
          yield "x";
          await settled();
        }
      } finally {
        ended.resolve();
      }
    }
    const { origin, transport, controller } = await bench(
      request("POST", "/", { body: bodyFrom(endless()) }),
    );
    await (await origin.next()).until("x");
    controller.abort();
    await ended.promise;
    await untilIdle(transport);
  });
});
