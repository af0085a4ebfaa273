import { bodyLimit } from "@pagoda/body-limit";
import {
  type Aborted,
  deadlineOf,
  type Layer,
  left,
  right,
  Scope,
  service,
  ServiceBuilder,
} from "@pagoda/core";
import { mockService, settled } from "@pagoda/core/testing";
import {
  Body,
  type BodyBroken,
  bodyBroken,
  type BodyFlow,
  bodyFrom,
  bodyOf,
  type BodySink,
  type BodyTooLarge,
  HttpHeaders,
  type HttpRequest,
  httpRequest,
  type HttpResponse,
  httpResponse,
  noFlow,
} from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import * as fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";
import { sink, Source } from "./bodies.ts";

const url = "http://shop.example/photos";
const tooLarge = (maxBytes: number) =>
  ({ _tag: "BodyTooLarge", origin: "local", retryable: false, maxBytes }) as const;

const upload = (body: Body | string, change: Partial<HttpRequest> = {}): HttpRequest => ({
  ...httpRequest(url, { method: "POST", body }),
  ...change,
});

/** Calls the layer around a mock; inner has received the request. */
async function stream(maxBytes: number, signal?: AbortSignal) {
  const source = new Source();
  const mock = mockService<HttpRequest, HttpResponse, Aborted>();
  const request = upload(source);
  const result = bodyLimit({ maxBytes })(mock.service).call(request, signal);
  const call = await mock.next();
  return { source, mock, request, result, call };
}

describe("bodyLimit", () => {
  conformance(test, () => bodyLimit({ maxBytes: 1_000 }), {
    changes: { request: ["body"] },
    refused: () => httpRequest("http://shop.example/", { method: "POST", body: "-".repeat(1_001) }),
  });

  describe("a body of known length", () => {
    test("is refused unread if it exceeds the limit by a byte", async () => {
      const mock = mockService<HttpRequest, HttpResponse>();
      const body = new (class extends Source {
        // @ts-expect-error: a source of unknown length, but for this.
        override readonly length = 5;
      })();
      expect(await bodyLimit({ maxBytes: 4 })(mock.service).call(upload(body))).toEqual(left(tooLarge(4)));
      await mock.expectNoCall();
      expect(body.stopped).toBe(true);
    });

    test.each([
      ["of the limit", 4, "1234"],
      ["without content, with a limit of 0", 0, ""],
    ])("passes unchanged: %s", async (_what, maxBytes, content) => {
      const mock = mockService<HttpRequest, HttpResponse>();
      const request = upload(content);
      const result = bodyLimit({ maxBytes })(mock.service).call(request);
      const call = await mock.next();
      expect(call.request).toBe(request);
      const response = httpResponse(204);
      call.answer(response);
      expect(await result).toEqual(right(response));
    });
  });

  describe("a body of unknown length that has arrived", () => {
    const arrived = (text: string, trailers?: HttpHeaders): Source => {
      const source = new Source();
      for (const letter of text) source.send(letter);
      source.complete(trailers);
      return source;
    };

    test("is refused without calling inner if it exceeds the limit by a byte", async () => {
      const mock = mockService<HttpRequest, HttpResponse>();
      const result = bodyLimit({ maxBytes: 4 })(mock.service).call(upload(arrived("12345")));
      expect(await result).toEqual(left(tooLarge(4)));
      await mock.expectNoCall();
    });

    test("passes at the limit, and its length is known from then on", async () => {
      const mock = mockService<HttpRequest, HttpResponse>();
      void bodyLimit({ maxBytes: 4 })(mock.service).call(upload(arrived("1234")));
      const { request } = await mock.next();
      expect(request.body.length).toBe(4);
      expect(await request.body.text()).toEqual(right("1234"));
    });

    test("keeps its trailers", async () => {
      const mock = mockService<HttpRequest, HttpResponse>();
      const trailers = HttpHeaders.of({ "x-checksum": "1" });
      void bodyLimit({ maxBytes: 4 })(mock.service).call(upload(arrived("1234", trailers)));
      const { request } = await mock.next();
      const given = sink();
      request.body.pipe(given);
      expect(given).toMatchObject({ received: ["1", "2", "3", "4"], state: { end: trailers } });
    });
  });

  describe("a body of unknown length that streams", () => {
    test("reaches inner whole at the limit, with its trailers", async () => {
      const { source, call, result } = await stream(4);
      const given = sink();
      call.request.body.pipe(given);
      source.send("12");
      source.send("34");
      const trailers = HttpHeaders.of({ "x-checksum": "1" });
      source.complete(trailers);
      expect(given.received).toEqual(["12", "34"]);
      expect(given.state.end).toBe(trailers);
      const response = httpResponse(200);
      call.answer(response);
      expect(await result).toEqual(right(response));
    });

    test("fails the call at the first byte too many, before inner responds", async () => {
      const { source, call, result } = await stream(4);
      const given = sink();
      call.request.body.pipe(given);
      source.send("1234");
      expect(call.signal?.aborted).toBe(false);
      source.send("5");
      expect(await result).toEqual(left(tooLarge(4)));
      expect(given.received).toEqual(["1234"]);
      expect(given.state.fault).toMatchObject({
        _tag: "BodyBroken",
        origin: "local",
        cause: tooLarge(4),
      });
      expect(given.state.end).toBeUndefined();
      expect(source.stopped).toBe(true);
      expect(call.signal?.aborted).toBe(true);
      expect(call.signal?.reason).toMatchObject({ name: "AbortError", cause: tooLarge(4) });
    });

    test("the error is BodyTooLarge, whatever inner makes of the broken body", async () => {
      const { source, call, result } = await stream(1);
      const read = call.request.body.text();
      source.send("12");
      expect(await read).toMatchObject({ left: { _tag: "BodyBroken" } });
      call.answer(httpResponse(400));
      expect(await result).toEqual(left(tooLarge(1)));
    });

    test("a response that comes after the refusal is discarded", async () => {
      const { promise, resolve } = Promise.withResolvers<HttpResponse>();
      const stubborn = service("stubborn", async ({ body }: HttpRequest) => {
        body.pipe(sink());
        return right(await promise);
      });
      const source = new Source();
      const result = bodyLimit({ maxBytes: 1 })(stubborn).call(upload(source));
      source.send("12");
      expect(await result).toEqual(left(tooLarge(1)));
      const late = new Source();
      resolve(httpResponse(200, late));
      await settled();
      expect(late.stopped).toBe(true);
    });

    test("breaks off even if inner has responded, and the response stands", async () => {
      const { source, call, result } = await stream(1);
      const given = sink();
      call.request.body.pipe(given);
      const response = httpResponse(202);
      call.answer(response);
      expect(await result).toEqual(right(response));
      source.send("12");
      expect(given.state.fault).toMatchObject({ cause: tooLarge(1) });
      expect(source.stopped).toBe(true);
      expect(call.signal?.aborted).toBe(false);
    });

    test("nothing follows a refusal during pipe", async () => {
      const { source, call, result } = await stream(2);
      source.send("1");
      source.send("23");
      source.send("4");
      const given = sink();
      const flow = call.request.body.pipe(given);
      expect(given.received).toEqual(["1"]);
      expect(given.state.fault).toMatchObject({ cause: tooLarge(2) });
      expect(source.stopped).toBe(true);
      flow.resume();
      flow.cancel();
      source.complete();
      expect(given.received).toEqual(["1"]);
      expect(given.state.end).toBeUndefined();
      expect(await result).toEqual(left(tooLarge(2)));
    });

    test("a source that ignores backpressure during pipe is refused once", async () => {
      const careless = new (class extends Body {
        readonly length = undefined;
        pipe({ write }: BodySink): BodyFlow {
          for (const piece of ["12", "3", "4"]) write(Buffer.from(piece));
          return noFlow;
        }
        cancel(): void {}
      })();
      const mock = mockService<HttpRequest, HttpResponse>();
      void bodyLimit({ maxBytes: 2 })(mock.service).call(upload(careless));
      const { request } = await mock.next();
      const faults: BodyBroken[] = [];
      request.body.pipe({ ...sink(), fail: (fault) => void faults.push(fault) });
      expect(faults).toHaveLength(1);
    });

    test("a sink that cancels when its call is aborted gets no fault", async () => {
      const { source, call } = await stream(1);
      const given = sink();
      const flow = call.request.body.pipe(given);
      call.signal?.addEventListener("abort", () => flow.cancel());
      source.send("12");
      expect(given.state.fault).toBeUndefined();
    });

    test("has the backpressure of its reader", async () => {
      const { source, call } = await stream(100);
      const given = sink();
      given.accepts = false;
      const flow = call.request.body.pipe(given);
      source.send("1");
      expect(source.paused).toBe(true);
      given.accepts = true;
      flow.resume();
      expect(source.paused).toBe(false);
    });

    test("lends its chunks if the reader can borrow them, and counts them", async () => {
      const { source, call, result } = await stream(3);
      const given = sink();
      call.request.body.pipe(given);
      const kept: string[] = [];
      source.send("12", { keep: () => void kept.push("12") });
      expect(given).toMatchObject({ received: [], lent: ["12"] });
      expect(kept).toEqual([]);
      source.send("34", { keep: () => void kept.push("34") });
      expect(given.lent).toEqual(["12"]);
      expect(await result).toEqual(left(tooLarge(3)));
    });

    test("a reader that cannot borrow gets chunks that it may keep", async () => {
      const { source, call } = await stream(3);
      const { writeLent: _, ...given } = sink();
      call.request.body.pipe(given);
      const kept: string[] = [];
      source.send("12", { keep: () => void kept.push("12") });
      expect(given.received).toEqual(["12"]);
      expect(kept).toEqual(["12"]);
    });

    test("reports its end, its break and its cancellation to observers", async () => {
      const ends: unknown[] = [];
      const observed = async (maxBytes: number) => {
        const { source, call } = await stream(maxBytes);
        call.request.body.observe((complete, _trailers, fault) => void ends.push([complete, fault]));
        return { source, body: call.request.body };
      };
      const whole = await observed(4);
      whole.body.pipe(sink());
      whole.source.complete();
      const own = bodyBroken("reset");
      const broken = await observed(4);
      broken.body.pipe(sink());
      broken.source.breakOff(own);
      const exceeded = await observed(1);
      exceeded.body.pipe(sink());
      exceeded.source.send("12");
      const unread = await observed(4);
      unread.body.cancel();
      const left = await observed(4);
      left.body.pipe(sink()).cancel();
      const limit = { _tag: "BodyBroken", origin: "local", retryable: false, cause: tooLarge(1) };
      expect(ends).toEqual([
        [true, undefined],
        [false, own],
        [false, limit],
        [false, undefined],
        [false, undefined],
      ]);
      expect(unread.source.stopped).toBe(true);
      expect(left.source.stopped).toBe(true);
    });

    test("tells watchers whether it waits for its source", async () => {
      const { source, call } = await stream(4);
      const waits: boolean[] = [];
      call.request.body.watch((waiting) => void waits.push(waiting));
      call.request.body.pipe(sink());
      source.complete();
      expect(waits).toEqual([true, false]);
    });

    test("can be read again if its source can, and is counted from zero", async () => {
      const again = new (class extends Source {
        override get canRead(): boolean {
          return true;
        }
      })();
      const mock = mockService<HttpRequest, HttpResponse>();
      void bodyLimit({ maxBytes: 4 })(mock.service).call(upload(again));
      expect((await mock.next()).request.body.canRead).toBe(true);
      const { call } = await stream(4);
      call.request.body.pipe(sink());
      expect(call.request.body.canRead).toBe(false);
    });

    test("its call keeps the caller's deadline and abort", async () => {
      const scope = new Scope(undefined);
      scope.deadline = 123;
      const { call } = await stream(4, scope.signal);
      expect(deadlineOf(call.signal)).toBe(123);
      scope.abort("gone");
      expect(call.signal?.reason).toBe("gone");
    });

    test("the limit is exact to the byte, however the body is cut", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 8 })),
          fc.nat({ max: 40 }),
          async (chunks, maxBytes) => {
            const whole = chunks.join("");
            const { call, result } = await stream(maxBytes, undefined).then(({ source, ...rest }) => {
              const given = sink();
              rest.call.request.body.pipe(given);
              for (const chunk of chunks) source.send(chunk);
              source.complete();
              return { ...rest, call: { ...rest.call, given } };
            });
            call.answer(httpResponse(200));
            const passes = whole.length <= maxBytes;
            expect((await result)._tag).toBe(passes ? "Right" : "Left");
            expect(call.given.state.end !== undefined).toBe(passes);
            expect(call.given.state.fault !== undefined).toBe(!passes);
            const received = call.given.received.join("");
            expect(whole.startsWith(received)).toBe(true);
            expect(received.length).toBeLessThanOrEqual(maxBytes);
          },
        ),
      );
    });
  });

  describe("tunnels", () => {
    test.each([
      ["an upgrade", { upgrade: "websocket" }],
      ["CONNECT", { method: "CONNECT" }],
    ])("%s passes unchanged", async (_what, change) => {
      const mock = mockService<HttpRequest, HttpResponse>();
      const request = upload(bodyFrom(["more than 1"]), change);
      void bodyLimit({ maxBytes: 1 })(mock.service).call(request);
      expect((await mock.next()).request).toBe(request);
    });

    test("the content of a request for an upgrade is limited", async () => {
      const mock = mockService<HttpRequest, HttpResponse>();
      const layered = bodyLimit({ maxBytes: 1 })(mock.service);
      const tunnel = bodyFrom(["a tunnel"]);
      const known = upload(tunnel, { upgrade: "tcp", upgradeContent: bodyOf("12") });
      expect(await layered.call(known)).toEqual(left(tooLarge(1)));
      const source = new Source();
      const result = layered.call(upload(tunnel, { upgrade: "tcp", upgradeContent: source }));
      const { request } = await mock.next();
      expect(request.body).toBe(tunnel);
      void request.upgradeContent?.text();
      source.send("12");
      expect(await result).toEqual(left(tooLarge(1)));
    });
  });

  test("describes its limit", () => {
    const { service } = mockService<HttpRequest, HttpResponse>();
    expect(bodyLimit({ maxBytes: 4 })(service).describe()).toMatchObject({
      name: "body-limit",
      options: { maxBytes: 4 },
    });
  });

  test.each([-1, 1.5, NaN, Infinity])("rejects a limit of %d", (maxBytes) => {
    expect(() => bodyLimit({ maxBytes })).toThrow(
      `bodyLimit: maxBytes must be an integer of at least 0 (got ${maxBytes})`,
    );
  });

  test("raises BodyTooLarge, in stacks for HTTP", () => {
    expectTypeOf(bodyLimit({ maxBytes: 1 })).toEqualTypeOf<Layer<HttpRequest, unknown, BodyTooLarge>>();
    // @ts-expect-error: Type 'string' is not assignable to type 'HttpRequest'.
    new ServiceBuilder<string>().layer(bodyLimit({ maxBytes: 1 }));
  });
});
