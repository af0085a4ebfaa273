import { type Layer, right, service, ServiceBuilder } from "@pagoda/core";
import { conformance, mockService, virtualClock } from "@pagoda/core/testing";
import { bodyFrom, type HttpRequest, httpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { jsonBody, type JsonBodyOptions, type JsonFault, type WithJson } from "@pagoda/json";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { describe, expect, expectTypeOf, test } from "vitest";
import { type Lamp, length, schemas } from "./schemas.ts";

const lamp: Lamp = { name: "desk", watts: 5 };

function post(body: string | Iterable<string>, contentType = "application/json"): HttpRequest {
  return httpRequest("http://shop.example/lamps", {
    method: "POST",
    body: typeof body === "string" ? body : bodyFrom(body),
    headers: { "content-type": contentType },
  });
}

type Inner = HttpRequest & WithJson<Lamp>;

function bench(options: JsonBodyOptions = {}, schema: StandardSchemaV1<unknown, Lamp> = schemas.zod) {
  const mock = mockService<Inner, HttpResponse>();
  return {
    mock,
    layered: new ServiceBuilder<HttpRequest>().layer(jsonBody(schema, options)).service(mock.service),
  };
}

describe("jsonBody", () => {
  conformance(test, ({ clock }) => jsonBody(schemas.zod, { clock }), {
    request: () => post(JSON.stringify(lamp)),
    response: () => httpResponse(200),
    changes: { request: ["body"] },
  });

  test.each([["whole", JSON.stringify(lamp)] as const, ["in chunks", [...JSON.stringify(lamp)]] as const])(
    "adds the value of a body that arrives %s and keeps the body for inner",
    async (_how, body) => {
      const { mock, layered } = bench();
      const result = layered.call(post(body));
      const { request, answer } = await mock.next();
      expect(request.json).toEqual(lamp);
      expect(await request.body.text()).toEqual(right(JSON.stringify(lamp)));
      answer(httpResponse(201));
      await result;
    },
  );

  test.each([
    ["NotJson", post("a=1", "application/x-www-form-urlencoded")],
    ["BodyMalformed", post("{")],
    ["SchemaMismatch", post("{}")],
    ["BodyTooLarge", post(JSON.stringify({ name: "x".repeat(100) }))],
  ])("refuses with %s of origin local without calling inner", async (tag, request) => {
    const { mock, layered } = bench({ maxBytes: 50 });
    const result = await layered.call(request);
    expect(result).toMatchObject({ left: { _tag: tag, origin: "local", retryable: false } });
    expect(mock.calls).toHaveLength(0);
  });

  test("does not call inner if the caller aborts during an asynchronous validation", async () => {
    const { promise, resolve } = Promise.withResolvers<{ readonly value: Lamp }>();
    const slow = { "~standard": { version: 1, vendor: "ours", validate: () => promise } } as const;
    const { mock, layered } = bench({}, slow);
    const controller = new AbortController();
    const result = layered.call(post("{}"), controller.signal);
    controller.abort();
    resolve({ value: lamp });
    expect(await result).toMatchObject({ left: { _tag: "Aborted" } });
    expect(mock.calls).toHaveLength(0);
  });

  test("waits for inner if it is no longer ready", async () => {
    const clock = virtualClock();
    const { mock, layered } = bench({ clock, maxWaitMs: 50 });
    mock.admit(0);
    const result = layered.call(post(JSON.stringify(lamp)));
    await clock.advance(10);
    expect(mock.calls).toHaveLength(0);
    mock.admit(1);
    (await mock.next()).answer(httpResponse(200));
    expect((await result)._tag).toBe("Right");
  });

  test.each([-1, NaN])("rejects %d as maxWaitMs and as maxBytes", (maxWaitMs) => {
    expect(() => jsonBody(schemas.zod, { maxWaitMs })).toThrow(RangeError);
    expect(() => jsonBody(schemas.zod, { maxBytes: maxWaitMs })).toThrow(RangeError);
  });
});

describe("types of jsonBody", () => {
  test("the request of inner has the schema's output", () => {
    expectTypeOf(jsonBody(length)).toEqualTypeOf<Layer<HttpRequest, WithJson<number>, JsonFault>>();
    const handler = service("handler", async ({ json }: HttpRequest & WithJson<Lamp>) =>
      right(httpResponse(200, json.name)),
    );
    new ServiceBuilder<HttpRequest>().layer(jsonBody(schemas.arktype)).service(handler);
    // @ts-expect-error: nothing has decoded the body.
    new ServiceBuilder<HttpRequest>().service(handler);
    // @ts-expect-error: Type 'number' is not assignable to type 'Lamp'.
    new ServiceBuilder<HttpRequest>().layer(jsonBody(length)).service(handler);
  });
});
