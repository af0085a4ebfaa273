import { type Fault, right, service } from "@pagoda/core";
import { mockService, settled, virtualClock } from "@pagoda/core/testing";
import { extAuthz, type ExtAuthzOptions, grpcExtAuthz } from "@pagoda/ext-authz";
import {
  type Body,
  bodyBroken,
  bodyOf,
  emptyBody,
  HttpHeaders,
  httpRequest,
  type HttpRequest,
  type HttpResponse,
  httpResponse,
  PushBody,
} from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadCodec } from "../src/grpc/load-codec.ts";
import { askedOf } from "./grpc-server.ts";

beforeAll(loadCodec);

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

async function hexOf(body: Body): Promise<string> {
  const bytes = await body.bytes();
  return bytes._tag === "Left" ? bytes.left._tag : Buffer.from(bytes.right).toString("hex");
}

/** A body whose chunks the test pushes. */
class Pushed extends PushBody {
  readonly length: number | undefined;
  isCancelled = false;
  isPaused = false;

  constructor(length?: number) {
    super();
    this.length = length;
  }

  give(chunk: Uint8Array): void {
    this.isPaused = !this.push(chunk);
  }

  end(trailers?: HttpHeaders): void {
    this.finish(trailers);
  }

  break(): void {
    this.broken(bodyBroken());
  }

  protected goOn(): void {
    this.isPaused = false;
  }

  protected stop(): void {
    this.isCancelled = true;
  }
}

const posted = (body: Body, more: Partial<HttpRequest> = {}): HttpRequest => ({
  ...httpRequest("http://shop.example/cart", { method: "POST", body }),
  headers: HttpHeaders.of({
    "content-type": "text/plain",
    "content-length": "9",
    "x-envoy-auth-partial-body": "no",
  }),
  ...more,
});

function bench(options: Partial<ExtAuthzOptions<HttpRequest>> = {}) {
  const clock = virtualClock();
  const [inner, server] = [
    mockService<HttpRequest, HttpResponse>(),
    mockService<HttpRequest, HttpResponse, Fault>(),
  ];
  const all = { service: server.service, clock, requestBody: { maxBytes: 8 }, ...options };
  return {
    clock,
    inner,
    server,
    layered: extAuthz(all)(inner.service),
    grpc: grpcExtAuthz(all)(inner.service),
  };
}

describe("requestBody", () => {
  const allowing = service("allowing", async (_: HttpRequest) => right(httpResponse(200)));
  conformance(
    test,
    ({ clock }) => extAuthz({ service: allowing, clock, requestBody: { maxBytes: 1_000_000 } }),
    {
      changes: { request: ["headers", "body"] },
      refused: () => httpRequest("http://shop.example/", { method: "POST", body: "-".repeat(1_000_001) }),
    },
  );

  test("the server gets the body in a POST request, with the fields that describe it", async () => {
    const { layered, server, inner } = bench({ headers: ["cookie"] });
    void layered.call(posted(bodyOf("a=1&b=2")));
    const { request, answer } = await server.next();
    expect(request.method).toBe("POST");
    expect([...request.headers]).toEqual([
      ["content-type", "text/plain"],
      ["x-forwarded-method", "POST"],
      ["x-forwarded-uri", "/cart"],
      ["x-envoy-auth-partial-body", "false"],
    ]);
    expect(await request.body.text()).toEqual(right("a=1&b=2"));
    answer(httpResponse(200));
    const passed = await inner.next();
    expect(await passed.request.body.text()).toEqual(right("a=1&b=2"));
    expect(passed.request.headers.get("content-length")).toBe("9");
  });

  test("a request without a body stays a GET request", async () => {
    const { layered, server } = bench();
    void layered.call(posted(emptyBody, { method: "GET" }));
    const { request } = await server.next();
    expect([request.method, request.body.length]).toEqual(["GET", 0]);
    expect(request.headers.get("x-envoy-auth-partial-body")).toBe("false");
  });

  test("over gRPC it is text, or bytes", async () => {
    for (const [bytes, asBytes, body, rawBody] of [
      [text("caf\u00e9"), false, "caf\u00e9", []],
      [text("caf\u00e9"), true, "", [...text("caf\u00e9")]],
      [Uint8Array.of(0xff, 0xfe), false, "", [0xff, 0xfe]],
    ] as const) {
      const { grpc, server } = bench({ requestBody: { maxBytes: 8, asBytes } as never });
      void grpc.call(posted(bodyOf(bytes)));
      const { attributes } = await askedOf((await server.next()).request);
      expect(attributes?.request?.http?.body).toBe(body);
      expect([...(attributes?.request?.http?.rawBody ?? [])]).toEqual(rawBody);
      expect(attributes?.request?.http?.headers["x-envoy-auth-partial-body"]).toBe("false");
    }
  });

  test("a body that is too large fails without a call, read only as far as necessary", async () => {
    const { layered, server, inner } = bench();
    const known = new Pushed(9);
    const tooLarge = { left: { _tag: "BodyTooLarge", origin: "local", retryable: false, maxBytes: 8 } };
    expect(await layered.call(posted(known))).toMatchObject(tooLarge);
    expect(known.canRead).toBe(true);
    expect(await layered.call(posted(bodyOf("123456789")))).toMatchObject(tooLarge);

    const streamed = new Pushed();
    const result = layered.call(posted(streamed));
    streamed.give(text("12345678"));
    await settled();
    expect(streamed.isPaused).toBe(false);
    streamed.give(text("9"));
    expect(await result).toMatchObject(tooLarge);
    expect(streamed.isCancelled).toBe(true);
    await server.expectNoCall();
    await inner.expectNoCall();
  });

  test("the beginning of a larger body is sent if that is allowed", async () => {
    const { layered, server, inner } = bench({ requestBody: { maxBytes: 8, allowPartial: true } });
    const streamed = new Pushed();
    const result = layered.call(posted(streamed));
    streamed.give(text("12345"));
    await server.expectNoCall();
    streamed.give(text("6789"));
    const { request, answer } = await server.next();
    expect(request.headers.get("x-envoy-auth-partial-body")).toBe("true");
    expect(await request.body.text()).toEqual(right("12345678"));
    streamed.give(text("0".repeat(70_000)));
    expect(streamed.isPaused).toBe(true);
    answer(httpResponse(200));
    const passed = await inner.next();
    const whole = passed.request.body.text();
    expect(streamed.isPaused).toBe(false);
    streamed.give(text("!"));
    streamed.end();
    expect(await whole).toEqual(right(`123456789${"0".repeat(70_000)}!`));
    passed.answer(httpResponse(200));
    expect(await result).toMatchObject({ right: { status: 200 } });
  });

  test("a body passes byte for byte, however it is cut, with its trailers", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 6 }),
        fc.integer({ min: 1, max: 60 }),
        fc.boolean(),
        fc.boolean(),
        async (chunks, maxBytes, isEarly, hasTrailers) => {
          const { layered, server, inner } = bench({ requestBody: { maxBytes, allowPartial: true } });
          const body = new Pushed();
          const give = (): void => {
            for (const chunk of chunks) body.give(chunk);
            body.end(hasTrailers ? HttpHeaders.of({ "x-sum": "1" }) : undefined);
          };
          if (isEarly) give();
          void layered.call(posted(body));
          if (!isEarly) give();
          const all = Buffer.concat(chunks);
          const asked = await server.next();
          expect(await hexOf(asked.request.body)).toBe(all.subarray(0, maxBytes).toString("hex"));
          expect(asked.request.headers.get("x-envoy-auth-partial-body")).toBe(String(all.length > maxBytes));
          asked.answer(httpResponse(200));
          const passed = await inner.next();
          let trailers: HttpHeaders | undefined;
          passed.request.body.observe((_, its) => (trailers = its));
          expect(await hexOf(passed.request.body)).toBe(all.toString("hex"));
          expect(trailers?.size ?? 0).toBe(hasTrailers ? 1 : 0);
        },
      ),
    );
  });

  test("a refusal discards the rest of the body", async () => {
    const { layered, server } = bench({ requestBody: { maxBytes: 2, allowPartial: true } });
    const body = new Pushed();
    const result = layered.call(posted(body));
    body.give(text("123"));
    (await server.next()).answer(httpResponse(403));
    expect(await result).toMatchObject({ right: { status: 403 } });
    expect(body.isCancelled).toBe(true);
  });

  test("a body that inner leaves unread is discarded with the call", async () => {
    const { layered, server, inner } = bench({ requestBody: { maxBytes: 2, allowPartial: true } });
    const body = new Pushed();
    const result = layered.call(posted(body));
    body.give(text("123"));
    (await server.next()).answer(httpResponse(200));
    (await inner.next()).answer(httpResponse(404));
    await result;
    expect(body.isCancelled).toBe(true);
  });

  test("a caller that aborts during the upload, or whose body breaks off, is gone", async () => {
    const { layered, server } = bench({ failOpen: true });
    const [left, broken] = [new Pushed(), new Pushed()];
    const controller = new AbortController();
    const results = [layered.call(posted(left), controller.signal), layered.call(posted(broken))];
    for (const body of [left, broken]) body.give(text("1"));
    await settled();
    controller.abort();
    broken.break();
    for (const result of results) expect(await result).toMatchObject({ left: { _tag: "Aborted" } });
    expect(left.isCancelled).toBe(true);
    await server.expectNoCall();
  });

  test("the time of the upload does not count", async () => {
    const { layered, server, clock } = bench();
    const body = new Pushed();
    const result = layered.call(posted(body));
    body.give(text("1"));
    await clock.advance(60_000);
    body.end();
    await server.next();
    await clock.advance(999);
    await clock.advance(1);
    (await server.calls[0])?.fail({ _tag: "Down", origin: "upstream", retryable: true });
    expect(await result).toMatchObject({ left: { _tag: "AuthorizationUnavailable", reason: "timeout" } });
  });

  test("of an upgrade the content is sent, and nothing of the tunnel", async () => {
    const { layered, server, inner } = bench();
    const [tunnel, content] = [new Pushed(), bodyOf("{}")];
    void layered.call(posted(tunnel, { upgrade: "tcp", upgradeContent: content }));
    const first = await server.next();
    void layered.call(posted(tunnel, { method: "CONNECT", path: "", authority: "db.example:1" }));
    const second = await server.next();
    expect(await first.request.body.text()).toEqual(right("{}"));
    expect(first.request.upgrade).toBeUndefined();
    expect(second.request).toMatchObject({ method: "GET", path: "/", body: emptyBody });
    expect(second.request.headers.get("x-forwarded-uri")).toBe("db.example:1");
    first.answer(httpResponse(200));
    const passed = await inner.next();
    expect(passed.request).toMatchObject({ upgrade: "tcp", body: tunnel });
    expect(await passed.request.upgradeContent?.text()).toEqual(right("{}"));
    expect(tunnel.canRead).toBe(true);
  });
});
