import {
  type Fault,
  filter,
  idempotent,
  type Layer,
  left,
  once,
  type Replayable,
  right,
  type Service,
  ServiceBuilder,
} from "@pagoda/core";
import { type MockCall, mockService, seededRandom, settled } from "@pagoda/core/testing";
import {
  type Body,
  bodyFrom,
  bodyOf,
  emptyBody,
  type HttpRequest,
  httpRequest,
  type HttpResponse,
  httpResponse,
  PushBody,
} from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import * as fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";
import { replay, type ReplayOptions } from "@pagoda/replay";

type Request = HttpRequest & Replayable;

function requestWith(method: string, body?: Body): HttpRequest {
  return httpRequest("http://shop.example/", { method, ...(body && { body }) });
}

/** The request that reaches inner, before an answer. */
async function inside(
  request: HttpRequest,
  options?: ReplayOptions,
): Promise<MockCall<Request, HttpResponse, never>> {
  const mock = mockService<Request, HttpResponse>();
  void replay(options)(mock.service).call(request);
  return mock.next();
}

/** A body that the test feeds. */
class Given extends PushBody {
  readonly length = undefined;
  stopped = false;

  give(piece: Uint8Array): void {
    this.push(piece);
  }

  all(): void {
    this.finish();
  }

  protected goOn(): void {}

  protected stop(): void {
    this.stopped = true;
  }
}

describe("replay", () => {
  conformance(test, () => replay(), {
    request: () => requestWith("GET"),
    response: () => httpResponse(200),
    changes: { request: ["body"] },
  });
  conformance(test, () => replay(), {
    request: () => requestWith("PUT", bodyFrom(["a"])),
    response: () => httpResponse(200),
    changes: { request: ["body"] },
  });

  test.each(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"])("%s is repeatable", async (method) => {
    const { request } = await inside(requestWith(method));
    expect(request.replay).toBe(idempotent);
    expect(request.body).toBe(emptyBody);
  });

  test.each(["POST", "PATCH", "CONNECT", "get"])(
    "%s is not repeatable, and its body is not recorded",
    async (method) => {
      const body = bodyFrom(["a"]);
      const { request } = await inside(requestWith(method, body));
      expect(request.replay).toBe(once);
      expect(request.body).toBe(body);
    },
  );

  test.each([
    ["an upgrade", { upgrade: "websocket" }],
    ["CONNECT", { method: "CONNECT", path: "" }],
  ])("a tunnel request, %s, is not repeatable, and its body is not recorded", async (_, more) => {
    const [unread, empty, whole] = [new Given(), emptyBody, bodyOf("whole")];
    for (const body of [unread, empty, whole]) {
      const asked: HttpRequest = { ...requestWith("GET", body), ...more };
      const { request } = await inside(asked, { methods: ["GET", "CONNECT"] });
      expect(request.replay).toBe(once);
      expect(request.body).toBe(body);
    }
    unread.give(Buffer.from("read once, by inner"));
    expect(unread.stopped).toBe(false);
  });

  test.each([
    ["reads the body", 1, undefined],
    ["leaves it unread", 0, false],
  ] as const)(
    "defect: a fault offered a resend although the caller's body was read; inner %s",
    async (_, readings, processed) => {
      const refused: Fault<"Refused"> = {
        _tag: "Refused",
        origin: "upstream",
        retryable: true,
        processed: false,
      };
      const mock = mockService<Request, HttpResponse, Fault<"Refused">>();
      const result = replay({ recordAll: true })(mock.service).call(requestWith("POST", bodyFrom(["a"])));
      const call = await mock.next();
      for (let n = 0; n < readings; n++) await call.request.body.text();
      call.fail(refused);
      expect(await result).toEqual(left({ ...refused, processed }));
    },
  );

  test("methods are configurable", async () => {
    const options = { methods: ["POST"] };
    expect((await inside(requestWith("POST"), options)).request.replay.canRepeat()).toBe(true);
    expect((await inside(requestWith("GET"), options)).request.replay.canRepeat()).toBe(false);
  });

  test("leaves the rest of the request unchanged", async () => {
    const request = { ...requestWith("GET"), more: 1 };
    const { request: got } = await inside(request);
    expect(got).toEqual({ ...request, replay: idempotent });
  });

  test("a complete body can be read any number of times, also concurrently", async () => {
    const { request } = await inside(requestWith("PUT", bodyOf("hello")));
    expect([request.replay.canRepeat(), request.replay.canHedge()]).toEqual([true, true]);
    expect(await Promise.all([request.body.text(), request.body.text()])).toEqual([
      right("hello"),
      right("hello"),
    ]);
  });

  test("so can a streamed body that has fully arrived", async () => {
    const body = new Given();
    body.give(Buffer.from("hel"));
    body.give(Buffer.from("lo"));
    body.all();
    const { request } = await inside(requestWith("PUT", body));
    expect(request.replay).toBe(idempotent);
    expect(await Promise.all([request.body.text(), request.body.text()])).toEqual([
      right("hello"),
      right("hello"),
    ]);
  });

  test("a streaming body can be read repeatedly, one reading at a time", async () => {
    const { request } = await inside(requestWith("PUT", bodyFrom(["hel", "lo"])));
    expect([request.replay.canRepeat(), request.replay.canHedge()]).toEqual([true, false]);
    expect(await request.body.text()).toEqual(right("hello"));
    expect(request.replay.canRepeat()).toBe(true);
    expect(await request.body.text()).toEqual(right("hello"));
  });

  test("a body over maxBytes can be read once", async () => {
    const { request } = await inside(requestWith("PUT", bodyFrom(["hello"])), { maxBytes: 4 });
    expect(request.replay.canRepeat()).toBe(true);
    expect(await request.body.text()).toEqual(right("hello"));
    expect(request.replay.canRepeat()).toBe(false);
  });

  test("releases the recording once the call is answered", async () => {
    const body = new Given();
    const { request, answer } = await inside(requestWith("PUT", body));
    request.body.pipe({ write: () => true, end() {}, fail() {} }).cancel();
    body.give(Buffer.from("a"));
    expect(body.stopped).toBe(false);
    answer(httpResponse(200));
    await settled();
    expect(body.stopped).toBe(true);
    expect(request.replay.canRepeat()).toBe(false);
  });

  test.each(["GET", "POST", "PUT"])("turns a throw of inner for %s into a rejection", async (method) => {
    const inner = {
      ...mockService<Request, HttpResponse>().service,
      call: () => {
        throw new Error("thrown");
      },
    };
    await expect(replay()(inner).call(requestWith(method))).rejects.toThrow("thrown");
  });

  test("defect: the body kept flowing after inner threw", async () => {
    const body = new Given();
    const inner = {
      ...mockService<Request, HttpResponse>().service,
      call: ({ body: recorded }: Request) => {
        recorded.pipe({ write: () => true, end() {}, fail() {} }).cancel();
        throw new Error("thrown");
      },
    };
    await expect(replay()(inner).call(requestWith("PUT", body))).rejects.toThrow("thrown");
    expect(body.stopped).toBe(true);
  });

  test("property: each attempt gets the body from its first byte, whenever the last one was given up", async () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(pieces, fc.nat(), async (given, seed) => {
        const random = seededRandom(seed);
        const source = new Given();
        const { request } = await inside(requestWith("PUT", source));
        let left = [...given];
        for (let tried = 0; tried < 5; tried++) {
          const got: Uint8Array[] = [];
          const last = tried === 4;
          let ended = false;
          const flow = request.body.pipe({
            write: (piece) => got.push(piece) > 0 && random() < 0.7,
            end: () => (ended = true),
            fail: () => {},
          });
          const stopAfter = last ? Infinity : Math.floor(random() * given.length);
          for (let step = 0; step < stopAfter && !ended; step++) {
            const next = left.shift();
            if (next === undefined) source.all();
            else source.give(next);
            flow.resume();
          }
          const soFar = Buffer.concat(got);
          const whole = Buffer.concat(given);
          expect(soFar).toEqual(whole.subarray(0, soFar.length));
          expect(ended).toBe(last || (ended && soFar.length === whole.length));
          if (!last) flow.cancel();
        }
        left = [];
      }),
    );
  });

  test.each([-1, 1.5, NaN])("rejects %d as maxBytes", (maxBytes) => {
    expect(() => replay({ maxBytes })).toThrow(
      `replay: maxBytes must be an integer of at least 0 (got ${maxBytes})`,
    );
  });

  test("describes its options", () => {
    const { service } = mockService<Request, HttpResponse>();
    expect(replay({ maxBytes: 7 })(service).describe()).toMatchObject({
      name: "replay",
      options: { methods: ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"], maxBytes: 7 },
    });
  });
});

describe("types", () => {
  test("adds Replayable", () => {
    expectTypeOf(replay()).toEqualTypeOf<Layer<HttpRequest, Replayable>>();
    const needs = mockService<Request, HttpResponse>().service;
    const stack = new ServiceBuilder<HttpRequest>().layer(replay()).service(needs);
    expectTypeOf(stack).toExtend<Service<HttpRequest, HttpResponse, unknown>>();
    // @ts-expect-error Property 'replay' is missing in type 'HttpRequest' but required in type 'Replayable'.
    new ServiceBuilder<HttpRequest>().service(needs);
  });
});

describe("recordAll", () => {
  test("records the body of another method but does not make it repeatable", async () => {
    const { request } = await inside(requestWith("POST", bodyFrom(["hel", "lo"])), { recordAll: true });
    expect(request.replay).toBe(once);
    for (let reading = 0; reading < 2; reading++) {
      expect(request.body.canRead).toBe(true);
      expect(await request.body.text()).toEqual(right("hello"));
    }
  });

  test("does not record a tunnel request", async () => {
    const body = new Given();
    const asked: HttpRequest = { ...requestWith("GET", body), upgrade: "websocket" };
    expect((await inside(asked, { recordAll: true })).request.body).toBe(body);
  });

  test.each(["PUT", "POST"])("with two in one stack the outer one records a %s, once", async (method) => {
    const bodies: Body[] = [];
    const mock = mockService<HttpRequest & Replayable, Body>();
    const stack = new ServiceBuilder<HttpRequest>()
      .layer(replay())
      .layer(
        filter((request: Request) => {
          bodies.push(request.body);
          return right(request);
        }),
      )
      .layer(replay({ recordAll: true }))
      .service(mock.service);
    void stack.call(requestWith(method, bodyFrom(["hel", "lo"])));
    const { request } = await mock.next();
    expect(request.body.canRead).toBe(true);
    expect(request.body === bodies[0]).toBe(method === "PUT");
    expect(await request.body.text()).toEqual(right("hello"));
    expect(request.body.canRead).toBe(true);
  });
});
