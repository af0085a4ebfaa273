import {
  type Fault,
  type Layer,
  left,
  mapRequest,
  right,
  service,
  type Service,
  ServiceBuilder,
} from "@pagoda/core";
import { mockService, seededRandom, settled } from "@pagoda/core/testing";
import {
  callNotes,
  HttpHeaders,
  type HttpRequest,
  type HttpResponse,
  httpResponse,
  type Identified,
} from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { describe, expect, expectTypeOf, test } from "vitest";
import { mirror, shadowAuthority } from "@pagoda/mirror";
import { bench, down, get, post, shadowThat, Source } from "./bench.ts";

describe("mirror", () => {
  const fine = shadowThat(async () => right(httpResponse(200)));
  const never = shadowThat(
    () => Promise.reject(new Error("called although not ready")),
    () => new Promise(() => {}),
  );
  for (const to of [fine, never]) {
    conformance(test, ({ clock }) => mirror({ to, clock }), {
      request: () => get,
      response: () => httpResponse(200),
    });
    conformance(test, ({ clock }) => mirror({ to, clock }), {
      request: () => post(new Source()),
      response: () => httpResponse(200),
      changes: { request: ["body"] },
    });
  }

  test("sends a copy of a call to the shadow and discards its answer", async () => {
    const { real, shadow, layered, events, clock } = bench();
    const result = layered.call(get);
    const copy = await shadow.next();
    const original = await real.next();
    await clock.advance(20);
    const body = new Source();
    copy.answer({ ...httpResponse(500), body });
    original.answer(httpResponse(201));
    expect(await result).toMatchObject(right({ status: 201 }));
    body.give("oops");
    body.all();
    await settled();
    expect(events).toEqual(["sent", ["answered", 500, 20]]);
    expect(clock.pending).toBe(0);
  });

  test("calls inner before the shadow", async () => {
    const order: string[] = [];
    const to = shadowThat(async () => {
      order.push("shadow");
      return right(httpResponse(200));
    });
    const real = service("real", async (_request: HttpRequest) => {
      order.push("real");
      return right(httpResponse(200));
    });
    await mirror({ to })(real).call(get);
    expect(order).toEqual(["real", "shadow"]);
  });

  test("passes a request without a body unchanged", async () => {
    const { real, layered } = bench();
    void layered.call(get);
    expect((await real.next()).request).toBe(get);
  });

  test.each([
    ["an upgrade", { upgrade: "websocket" }],
    ["CONNECT", { method: "CONNECT", path: "" }],
  ])("does not mirror a tunnel request: %s", async (_, more) => {
    const { real, shadow, layered, events } = bench();
    for (const body of [get.body, new Source()]) {
      const request: HttpRequest = { ...get, ...more, body };
      void layered.call(request);
      const original = await real.next();
      expect(original.request).toBe(request);
      original.answer(httpResponse(200));
      await settled();
    }
    await shadow.expectNoCall();
    expect(events).toEqual([]);
  });

  test("marks the copy and drops what belongs to the original only", async () => {
    const { shadow, layered } = bench();
    const notes = { ...callNotes(), route: "cart" };
    const onInformation = (): void => {};
    const headers = HttpHeaders.of({ accept: "a", expect: "100-continue", "x-shadow": "no" });
    void layered.call({ ...get, headers, notes, onInformation });
    const { request } = await shadow.next();
    const rest = { headers: 0, notes: callNotes(), onInformation: undefined };
    expect({ ...request, headers: 0 }).toEqual({ ...get, ...rest });
    expect([...request.headers]).toEqual([
      ["accept", "a"],
      ["x-shadow", "true"],
    ]);
    expect(notes).toEqual({ ...callNotes(), route: "cart" });
  });

  test("uses another marker, or none", async () => {
    for (const [marker, expected] of [
      ["X-Mirrored", ["X-Mirrored", "true"]],
      [false, []],
    ] as const) {
      const { shadow, layered } = bench({ marker });
      void layered.call(get);
      expect((await shadow.next()).request.headers.raw).toEqual(expected);
    }
  });

  test("mirrors a share of the calls", async () => {
    const { real, shadow, layered } = bench({ ratio: 0.25, random: seededRandom(7), maxInFlight: 1_000 });
    for (let n = 0; n < 1_000; n++) void layered.call(get);
    await settled();
    expect(real.calls).toHaveLength(1_000);
    expect(shadow.calls.length).toBeGreaterThan(200);
    expect(shadow.calls.length).toBeLessThan(300);
  });

  test.each([
    [0, 0],
    [0.5, 0],
    [0.51, 1],
    [1, 1],
  ])("with a ratio of %d and random 0.5 it mirrors %d", async (ratio, times) => {
    const { shadow, layered } = bench({ ratio, random: () => 0.5 });
    void layered.call(get);
    await settled();
    expect(shadow.calls).toHaveLength(times);
  });

  test("mirrors only selected calls", async () => {
    const { shadow, layered, skipped } = bench({ select: ({ method }) => method === "GET" });
    void layered.call({ ...get, method: "DELETE" });
    void layered.call(get);
    expect((await shadow.next()).request.method).toBe("GET");
    await shadow.expectNoCall();
    expect(skipped()).toEqual({});
  });

  test("describes itself, inner and the shadow", async () => {
    const { layered, real, shadow } = bench({ ratio: 0.5, random: () => 0 });
    void layered.call(get);
    await settled();
    expect(layered.describe()).toEqual({
      name: "mirror",
      options: {
        ratio: 0.5,
        maxInFlight: 100,
        maxBytes: 65_536,
        maxTotalBytes: 16_777_216,
        maxResponseBytes: 65_536,
        timeoutMs: 15_000,
        marker: "x-shadow",
      },
      state: {
        inFlight: 1,
        bytes: 0,
        sent: 1,
        answered: 0,
        failed: 0,
        timedOut: 0,
        skipped: { "not-ready": 0, "in-flight": 0, "too-long": 0, bytes: 0, incomplete: 0 },
        defects: 0,
      },
      inner: [real.service.describe(), shadow.service.describe()],
    });
  });

  test.each([
    [{ ratio: -0.1 }, "mirror: ratio must be a number from 0 to 1 (got -0.1)"],
    [{ ratio: 1.1 }, "mirror: ratio must be a number from 0 to 1 (got 1.1)"],
    [{ ratio: NaN }, "mirror: ratio must be a number from 0 to 1 (got NaN)"],
    [{ maxInFlight: 0 }, "mirror: maxInFlight must be an integer of at least 1 (got 0)"],
    [{ maxInFlight: Infinity }, "mirror: maxInFlight must be an integer of at least 1 (got Infinity)"],
    [{ maxBytes: -1 }, "mirror: maxBytes must be an integer of at least 0 (got -1)"],
    [
      { maxBytes: 10, maxTotalBytes: 9 },
      "maxTotalBytes must be an integer of at least maxBytes (10) (got 9)",
    ],
    [{ maxResponseBytes: 1.5 }, "mirror: maxResponseBytes must be an integer of at least 0 (got 1.5)"],
    [{ timeoutMs: 0 }, "mirror: timeoutMs must be a number above 0 and at most 2147483647 (got 0)"],
    [
      { timeoutMs: 2 ** 31 },
      "mirror: timeoutMs must be a number above 0 and at most 2147483647 (got 2147483648)",
    ],
    [{ marker: "a b" }, 'mirror: marker must be a field name, or false (got "a b")'],
    [{ marker: "" }, 'mirror: marker must be a field name, or false (got "")'],
  ])("rejects %o", (options, message) => {
    expect(() => bench(options)).toThrow(RangeError);
    expect(() => bench(options)).toThrow(message);
  });
});

describe("shadowAuthority", () => {
  test.each([
    ["shop.example", "shop.example-shadow"],
    ["shop.example:80", "shop.example-shadow:80"],
    ["10.0.0.1:80", "10.0.0.1:80"],
    ["[::1]:80", "[::1]:80"],
    ["[::1]", "[::1]"],
    ["", ""],
  ])("of %j is %j", (authority, expected) => {
    expect(shadowAuthority(authority)).toBe(expected);
  });

  test("is applied by an adapter in front of the shadow", async () => {
    const shadow = mockService<HttpRequest, HttpResponse>();
    const to = new ServiceBuilder<HttpRequest>()
      .adapt(mapRequest((request) => ({ ...request, authority: shadowAuthority(request.authority) })))
      .service(shadow.service);
    void bench({ to }).layered.call(get);
    expect((await shadow.next()).request.authority).toBe("shop.example-shadow");
  });
});

describe("types", () => {
  const leaf = service<HttpRequest, HttpResponse, Fault<"Down">>("leaf", async () => left(down));

  test("the shadow's errors and responses do not appear", () => {
    const to = service<HttpRequest, HttpResponse, Fault<"Lost">>("to", async () => right(httpResponse(200)));
    expectTypeOf(mirror({ to })).toEqualTypeOf<Layer<HttpRequest>>();
    const stack = new ServiceBuilder<HttpRequest>().layer(mirror({ to })).service(leaf);
    expectTypeOf(stack).toEqualTypeOf<Service<HttpRequest, HttpResponse, Fault<"Down">>>();
  });

  test("requires the shadow's request type", () => {
    const to = service<HttpRequest & Identified, HttpResponse>("to", async () => right(httpResponse(200)));
    expectTypeOf(mirror({ to })).toEqualTypeOf<Layer<HttpRequest & Identified>>();
    const identify = mapRequest((request: HttpRequest) => ({ ...request, requestId: "1" }));
    new ServiceBuilder<HttpRequest>().adapt(identify).layer(mirror({ to })).service(leaf);
    // @ts-expect-error: Property 'requestId' is missing in type 'HttpRequest' but required in type 'Identified'.
    new ServiceBuilder<HttpRequest>().layer(mirror({ to }));
  });

  test("requires HTTP, inside and in the shadow", () => {
    // @ts-expect-error: a string is not an HttpRequest.
    new ServiceBuilder<string>().layer(mirror({ to: leaf }));
    const number = service("number", async (_request: HttpRequest) => right(1));
    // @ts-expect-error: Type 'number' is not assignable to type 'HttpResponse'.
    mirror({ to: number });
  });
});
