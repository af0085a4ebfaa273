import { responseBodyLimit, type ResponseTooLarge } from "@pagoda/body-limit";
import { type Fault, type Layer, left, right, ServiceBuilder } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";
import {
  type Body,
  HttpHeaders,
  type HttpRequest,
  httpRequest,
  type HttpResponse,
  httpResponse,
} from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { describe, expect, expectTypeOf, test } from "vitest";
import { sink, Source } from "./bodies.ts";

const tooLarge = (maxBytes: number) =>
  ({ _tag: "ResponseTooLarge", origin: "upstream", retryable: false, maxBytes }) as const;

async function answer(maxBytes: number, response: HttpResponse, method = "GET") {
  const mock = mockService<HttpRequest, HttpResponse>();
  const result = responseBodyLimit({ maxBytes })(mock.service).call(
    httpRequest("http://shop.example/", { method }),
  );
  (await mock.next()).answer(response);
  return result;
}

/** Returns the body of the response. */
async function bodyOfAnswer(maxBytes: number, body: Body): Promise<Body> {
  const result = await answer(maxBytes, httpResponse(200, body));
  if (result._tag === "Left") throw new Error("the response was refused");
  return result.right.body;
}

describe("responseBodyLimit", () => {
  conformance(test, () => responseBodyLimit({ maxBytes: 1_000 }), { changes: { response: ["body"] } });

  test("a body of known length passes unchanged at the limit", async () => {
    const response = httpResponse(200, "1234");
    expect((await answer(4, response)) as unknown).toEqual(right(response));
  });

  test("a body of known length over the limit is refused unread", async () => {
    const body = new (class extends Source {
      // @ts-expect-error: a source of unknown length, but for this.
      override readonly length = 5;
    })();
    expect(await answer(4, httpResponse(200, body))).toEqual(left(tooLarge(4)));
    expect(body.stopped).toBe(true);
  });

  test("a body that has arrived is refused over the limit, and its length is known within it", async () => {
    const arrived = (text: string): Source => {
      const source = new Source();
      source.send(text);
      source.complete();
      return source;
    };
    expect(await answer(4, httpResponse(200, arrived("12345")))).toEqual(left(tooLarge(4)));
    const body = await bodyOfAnswer(4, arrived("1234"));
    expect(body.length).toBe(4);
    expect(await body.text()).toEqual(right("1234"));
  });

  test("a streaming body passes at the limit, with its trailers", async () => {
    const source = new Source();
    const given = sink();
    (await bodyOfAnswer(4, source)).pipe(given);
    source.send("1234");
    const trailers = HttpHeaders.of({ "x-checksum": "1" });
    source.complete(trailers);
    expect(given).toMatchObject({ received: ["1234"], state: { end: trailers } });
  });

  test("a streaming body breaks off over the limit, and its source stops", async () => {
    const source = new Source();
    const given = sink();
    (await bodyOfAnswer(4, source)).pipe(given);
    source.send("1234");
    source.send("5");
    expect(given.received).toEqual(["1234"]);
    expect(given.state).toEqual({
      fault: { _tag: "BodyBroken", origin: "upstream", retryable: false, cause: tooLarge(4) },
    });
    expect(source.stopped).toBe(true);
  });

  test.each([
    ["an upgrade", 101, "GET"],
    ["CONNECT", 200, "CONNECT"],
  ])("the tunnel of %s has no limit", async (_what, status, method) => {
    const mock = mockService<HttpRequest, HttpResponse>();
    const layered = responseBodyLimit({ maxBytes: 0 })(mock.service);
    const request = { ...httpRequest("http://shop.example/", { method }), upgrade: "websocket" };
    const result = layered.call(request);
    const response = httpResponse(status, new Source());
    (await mock.next()).answer(response);
    expect(await result).toEqual(right(response));
  });

  test("a refused CONNECT has one", async () => {
    expect(await answer(2, httpResponse(403, "why"), "CONNECT")).toEqual(left(tooLarge(2)));
  });

  test("passes errors through unchanged", async () => {
    const mock = mockService<HttpRequest, HttpResponse, Fault>();
    const result = responseBodyLimit({ maxBytes: 0 })(mock.service).call(httpRequest("http://a.example/"));
    const down: Fault = { _tag: "Down", origin: "upstream", retryable: true };
    (await mock.next()).fail(down);
    expect(await result).toEqual(left(down));
  });

  test.each([-1, 1.5, NaN, Infinity])("rejects a limit of %d", (maxBytes) => {
    expect(() => responseBodyLimit({ maxBytes })).toThrow(
      `responseBodyLimit: maxBytes must be an integer of at least 0 (got ${maxBytes})`,
    );
  });

  test("raises ResponseTooLarge, around services that return HTTP responses", () => {
    expectTypeOf(responseBodyLimit({ maxBytes: 1 })).toEqualTypeOf<
      Layer<HttpRequest, unknown, ResponseTooLarge, never, never, HttpResponse>
    >();
    // @ts-expect-error: Type 'string' is not assignable to type 'HttpRequest'.
    new ServiceBuilder<string>().layer(responseBodyLimit({ maxBytes: 1 }));
  });
});
