import {
  type Adapter,
  type Either,
  left,
  type Passes,
  right,
  service,
  type Service,
  ServiceBuilder,
} from "@pagoda/core";
import { conformance, mockService, settled } from "@pagoda/core/testing";
import {
  Body,
  bodyFrom,
  type BodyFlow,
  type HttpRequest,
  httpRequest,
  type HttpResponse,
  httpResponse,
  json as jsonResponse,
  noFlow,
  text,
} from "@pagoda/http";
import { json, type JsonFault } from "@pagoda/json";
import { describe, expect, expectTypeOf, test } from "vitest";
import { type Lamp, length, schemas } from "./schemas.ts";

const get = (): HttpRequest => httpRequest("http://shop.example/lamp");
const lamp: Lamp = { name: "desk", watts: 5 };
const type = { "content-type": "application/json" };

function decoded(response: HttpResponse, maxBytes?: number): Promise<Either<JsonFault, Lamp>> {
  const shop = service("shop", async (_request: HttpRequest) => right(response));
  return json(schemas.zod, { ...(maxBytes !== undefined && { maxBytes }) })(shop).call(get());
}

/** Never yields anything. */
class SilentBody extends Body {
  readonly length = undefined;
  cancelled = false;

  pipe(): BodyFlow {
    return { ...noFlow, cancel: () => this.cancel() };
  }

  cancel(): void {
    this.cancelled = true;
  }
}

describe("json", () => {
  conformance(test, () => json(schemas.zod), {
    response: () => jsonResponse(lamp),
    changes: { response: "all" },
  });

  test.each(Object.entries(schemas))("returns the output of a %s schema", async (_library, schema) => {
    const shop = service("shop", async (_request: HttpRequest) => right(jsonResponse({ ...lamp })));
    expect(await json(schema)(shop).call(get())).toEqual(right(lamp));
  });

  test.each(Object.entries(schemas))("returns the issues of a %s schema", async (_library, schema) => {
    const shop = service("shop", async (_request: HttpRequest) =>
      right(jsonResponse({ ...lamp, watts: "5" })),
    );
    const result = await json(schema)(shop).call(get());
    expect(result).toMatchObject({
      left: {
        _tag: "SchemaMismatch",
        origin: "upstream",
        retryable: false,
        issues: [{ path: ["watts"], message: expect.stringMatching(/number/) as string }],
      },
    });
  });

  test("returns the schema's output, not its input", async () => {
    const shop = service("shop", async (_request: HttpRequest) => right(jsonResponse(lamp)));
    expect(await json(length)(shop).call(get())).toEqual(right(4));
  });

  test.each([
    "application/json",
    "application/json; charset=utf-8",
    "Application/JSON ;charset=utf-8",
    "text/json",
    "application/problem+json",
    "application/vnd.shop.v1+json;v=2",
  ])("accepts %s", async (contentType) => {
    const response = httpResponse(200, JSON.stringify(lamp), { "content-type": contentType });
    expect(await decoded(response)).toEqual(right(lamp));
  });

  test.each([
    "text/html",
    "application/jsonx",
    "application/x-ndjson",
    "+json",
    "application/json/x",
    undefined,
  ])("refuses %s and cancels the body", async (contentType) => {
    const body = new SilentBody();
    const response = httpResponse(
      200,
      body,
      contentType === undefined ? {} : { "content-type": contentType },
    );
    expect(await decoded(response)).toEqual(
      left({ _tag: "NotJson", origin: "upstream", retryable: false, contentType }),
    );
    expect(body.cancelled).toBe(true);
  });

  test.each(["", "{", "[1,]", '{"name":"desk"'])("refuses %j, which is not JSON", async (body) => {
    expect(await decoded(httpResponse(200, body, type))).toMatchObject({
      left: { _tag: "BodyMalformed", origin: "upstream", reason: expect.stringContaining("JSON") as string },
    });
  });

  test("refuses invalid UTF-8", async () => {
    const bytes = Buffer.from(`{"name":"\xff","watts":5}`, "latin1");
    expect(await decoded(httpResponse(200, bytes, type))).toMatchObject({ left: { _tag: "BodyMalformed" } });
  });

  test("reads a body in chunks, even if one splits a character", async () => {
    const bytes = Buffer.from(JSON.stringify({ name: "größe", watts: 5 }));
    const pieces = [...bytes].map((byte) => Uint8Array.of(byte));
    expect(await decoded(httpResponse(200, bodyFrom(pieces), type))).toEqual(
      right({ name: "größe", watts: 5 }),
    );
  });

  test("reads at most maxBytes", async () => {
    const size = JSON.stringify(lamp).length;
    const streamed = (): HttpResponse => httpResponse(200, bodyFrom([JSON.stringify(lamp)]), type);
    expect(await decoded(streamed(), size)).toEqual(right(lamp));
    expect(await decoded(streamed(), size - 1)).toMatchObject({
      left: { _tag: "BodyTooLarge", maxBytes: size - 1 },
    });
    const endless = bodyFrom(
      (function* () {
        for (;;) yield " ".repeat(100_000);
      })(),
    );
    expect(await decoded(httpResponse(200, endless, type))).toMatchObject({
      left: { _tag: "BodyTooLarge", maxBytes: 1_048_576 },
    });
  });

  test("fails with BodyBroken if the body breaks off", async () => {
    async function* breaking(): AsyncGenerator<string> {
      yield '{"name":';
      throw new Error("reset");
    }
    expect(await decoded(httpResponse(200, bodyFrom(breaking()), type))).toMatchObject({
      left: { _tag: "BodyBroken", origin: "upstream" },
    });
  });

  test("stops reading when the caller aborts", async () => {
    const mock = mockService<HttpRequest, HttpResponse>();
    const controller = new AbortController();
    const result = json(schemas.zod)(mock.service).call(get(), controller.signal);
    const body = new SilentBody();
    (await mock.next()).answer(httpResponse(200, body, type));
    await settled();
    controller.abort();
    expect(await result).toMatchObject({ left: { _tag: "Aborted" } });
    expect(body.cancelled).toBe(true);
  });

  test("passes errors through and ignores the status", async () => {
    const failed = service("failed", async (_request: HttpRequest) => left("failed" as const));
    expect(await json(schemas.zod)(failed).call(get())).toEqual(left("failed"));
    expect(await decoded(jsonResponse(lamp, 500))).toEqual(right(lamp));
    expect(await decoded(text("not found", 404))).toMatchObject({ left: { _tag: "NotJson" } });
  });

  test("a schema that throws is a defect", async () => {
    const mistaken = {
      "~standard": {
        version: 1,
        vendor: "ours",
        validate: () => {
          throw new Error("a defect");
        },
      },
    } as const;
    const shop = service("shop", async (_request: HttpRequest) => right(jsonResponse(lamp)));
    await expect(json(mistaken)(shop).call(get())).rejects.toThrow("a defect");
  });

  test.each([-1, NaN])("rejects a limit of %d", (maxBytes) => {
    expect(() => json(schemas.zod, { maxBytes })).toThrow(
      `json: maxBytes must be a number of at least 0, or Infinity (got ${maxBytes})`,
    );
  });

  test("describes the schema's library", () => {
    const shop = service("shop", async (_request: HttpRequest) => right(jsonResponse(lamp)));
    expect(json(schemas.arktype)(shop).describe()).toMatchObject({
      name: "json",
      options: { schema: "arktype" },
    });
  });
});

describe("types of json", () => {
  const shop = service("shop", async (_request: HttpRequest) => right(jsonResponse(lamp)));

  test("the response is the schema's output", () => {
    expectTypeOf(json(schemas.valibot)).toEqualTypeOf<
      Adapter<unknown, Passes<unknown>, HttpResponse, { name: string; watts: number }, JsonFault>
    >();
    const [zod, arktype, number] = [json(schemas.zod)(shop), json(schemas.arktype)(shop), json(length)(shop)];
    expectTypeOf(zod).toEqualTypeOf<Service<HttpRequest, { name: string; watts: number }, JsonFault>>();
    expectTypeOf(arktype).toEqualTypeOf<typeof zod>();
    expectTypeOf(number).toEqualTypeOf<Service<HttpRequest, number, JsonFault>>();
    const stack = new ServiceBuilder<HttpRequest>().adapt(json(length)).service(shop);
    expectTypeOf(stack).toEqualTypeOf<Service<HttpRequest, number, JsonFault>>();
  });

  test("inner must return HTTP responses", () => {
    const numbers = service("numbers", async (_request: HttpRequest) => right(1));
    // @ts-expect-error: Type 'number' is not assignable to type 'HttpResponse'.
    new ServiceBuilder<HttpRequest>().adapt(json(length)).service(numbers);
    // @ts-expect-error: decoded twice.
    new ServiceBuilder<HttpRequest>().adapt(json(length)).adapt(json(length));
  });
});
