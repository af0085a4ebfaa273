import {
  type Aborted,
  type Either,
  type ErrorOf,
  isLeft,
  type Layer,
  left,
  responseClassifier,
  right,
  service,
  ServiceBuilder,
} from "@pagoda/core";
import { mockService, settled, virtualClock } from "@pagoda/core/testing";
import {
  Body,
  type BodyFlow,
  type BodySink,
  bodyFrom,
  callNotes,
  httpClassifier,
  type HttpRequest,
  httpRequest,
  type HttpResponse,
  httpResponse,
  noFlow,
  text,
} from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { statusErrors, type StatusError, type StatusErrorsOptions } from "@pagoda/status-errors";
import { describe, expect, expectTypeOf, test } from "vitest";

const get = (): HttpRequest => httpRequest("http://shop.example/lamp");

function answered(
  response: HttpResponse,
  options?: StatusErrorsOptions,
  request = get(),
): Promise<Either<StatusError | Aborted, HttpResponse>> {
  return statusErrors(options)(service("origin", async (_request: HttpRequest) => right(response))).call(
    request,
  );
}

async function errorOf(response: HttpResponse, options?: StatusErrorsOptions): Promise<StatusError> {
  const result = await answered(response, options);
  if (isLeft(result) && result.left._tag === "StatusError") return result.left;
  throw new Error("expected a StatusError");
}

/** Yields chunks until it is cancelled. */
class EndlessBody extends Body {
  readonly length = undefined;
  cancelled = false;
  given = 0;

  pipe(sink: BodySink): BodyFlow {
    while (!this.cancelled && sink.write(new Uint8Array(1_000))) this.given += 1_000;
    return { resume() {}, cancel: () => this.cancel() };
  }

  cancel(): void {
    this.cancelled = true;
  }
}

/** Never yields anything. */
class SilentBody extends Body {
  readonly length = undefined;
  reason: unknown;

  pipe(): BodyFlow {
    return { ...noFlow, cancel: (reason) => this.cancel(reason) };
  }

  cancel(reason?: unknown): void {
    this.reason = reason;
  }
}

describe("statusErrors", () => {
  conformance(test, () => statusErrors(), { request: get, response: () => httpResponse(200) });
  conformance(test, () => statusErrors({ isError: () => false }), {
    request: get,
    response: () => httpResponse(500),
  });

  test.each([200, 204, 302, 304, 399])("passes a response with status %d through", async (status) => {
    const response = httpResponse(status);
    expect(await answered(response)).toEqual(right(response));
  });

  test.each([
    [400, { origin: "local", retryable: false }],
    [404, { origin: "local", retryable: false }],
    [429, { origin: "upstream", retryable: true }],
    [500, { origin: "upstream", retryable: false }],
    [502, { origin: "upstream", retryable: true }],
    [503, { origin: "upstream", retryable: true }],
    [504, { origin: "upstream", retryable: true }],
  ] as const)("turns status %d into an error", async (status, expected) => {
    expect(await errorOf(httpResponse(status))).toMatchObject({ _tag: "StatusError", status, ...expected });
  });

  // Retries and breakers must reach the same conclusion from the error as from the response.
  test.each([400, 404, 429, 500, 502, 503, 504])(
    "has the classifier's retryable and retryAfterMs for %d",
    async (status) => {
      const response = httpResponse(status, undefined, { "retry-after": "3" });
      const { retryable, retryAfterMs } = httpClassifier().outcome(right(response));
      const outcome = responseClassifier().outcome(left(await errorOf(response)));
      expect([outcome.retryable, outcome.retryAfterMs]).toEqual([retryable, retryAfterMs]);
    },
  );

  test("honours a Retry-After date on the classifier's clock", async () => {
    const clock = virtualClock();
    const date = new Date(clock.wallTime() + 5_000).toUTCString();
    const response = httpResponse(503, undefined, { "retry-after": date });
    const error = await errorOf(response, { classifier: httpClassifier({ clock }) });
    expect(error.retryAfterMs).toBeGreaterThan(4_000);
    expect(error.retryAfterMs).toBeLessThanOrEqual(5_000);
  });

  test("isError decides which responses are errors", async () => {
    const isError = ({ status }: HttpResponse): boolean => status >= 500 || status === 204;
    expect((await answered(httpResponse(404), { isError }))._tag).toBe("Right");
    expect((await errorOf(httpResponse(204), { isError })).status).toBe(204);
  });

  test("keeps the headers and a body that can be read repeatedly", async () => {
    const error = await errorOf(text("no lamp is left", 410, { "x-a": "1" }));
    expect(error.headers.get("x-a")).toBe("1");
    for (const _time of [1, 2]) expect(await error.body.text()).toEqual(right("no lamp is left"));
    expect(error.isBodyCut).toBe(false);
  });

  test.each([
    [3, "abc", true],
    [4, "abcd", true],
    [5, "abcde", false],
    [6, "abcde", false],
  ])("keeps at most %d bytes of a streaming body", async (maxBodyBytes, kept, isCut) => {
    const error = await errorOf(httpResponse(500, bodyFrom(["ab", "cd", "e"])), { maxBodyBytes });
    expect(await error.body.text()).toEqual(right(kept));
    expect(error.isBodyCut).toBe(isCut);
  });

  test("keeps at most maxBodyBytes of a body in memory", async () => {
    const error = await errorOf(text("abcde", 500), { maxBodyBytes: 3 });
    expect(await error.body.text()).toEqual(right("abc"));
    expect(error.isBodyCut).toBe(true);
  });

  test("cancels a body over the limit", async () => {
    const body = new EndlessBody();
    const error = await errorOf(httpResponse(500, body));
    expect(error.body.length).toBe(16_384);
    expect(body.cancelled).toBe(true);
    expect(body.given).toBeLessThan(20_000);
  });

  test("reads nothing with a limit of 0", async () => {
    const body = new EndlessBody();
    const error = await errorOf(httpResponse(500, body), { maxBodyBytes: 0 });
    expect(error).toMatchObject({ isBodyCut: true });
    expect(error.body.length).toBe(0);
    expect([body.cancelled, body.given]).toEqual([true, 0]);
    expect(await errorOf(httpResponse(500), { maxBodyBytes: 0 })).toMatchObject({ isBodyCut: false });
  });

  test("keeps the beginning of a body that breaks off", async () => {
    async function* breaking(): AsyncGenerator<string> {
      yield "some";
      throw new Error("reset");
    }
    const error = await errorOf(httpResponse(500, bodyFrom(breaking())));
    expect(await error.body.text()).toEqual(right("some"));
    expect(error.isBodyCut).toBe(true);
  });

  test("stops reading when the caller aborts", async () => {
    const mock = mockService<HttpRequest, HttpResponse>();
    const controller = new AbortController();
    const result = statusErrors()(mock.service).call(get(), controller.signal);
    const body = new SilentBody();
    (await mock.next()).answer(httpResponse(500, body));
    await settled();
    const reason = new Error("enough");
    controller.abort(reason);
    expect(await result).toMatchObject({ left: { _tag: "Aborted" } });
    expect(body.reason).toBe(reason);
  });

  test("names the upstream of the call", async () => {
    const request = { ...get(), notes: { ...callNotes(), upstream: "http://10.0.0.7:80" } };
    expect(await answered(httpResponse(500), {}, request)).toMatchObject({
      left: { upstream: "http://10.0.0.7:80" },
    });
  });

  test("takes origin and retryable from the fault of a response, which becomes the cause", async () => {
    const fault = { _tag: "Overloaded", origin: "local", retryable: true } as const;
    expect(await errorOf({ ...text("busy", 503), fault })).toMatchObject({
      origin: "local",
      retryable: true,
      cause: fault,
    });
  });

  test("passes errors through", async () => {
    const failed = service("failed", async (_request: HttpRequest) => left("failed" as const));
    expect(await statusErrors()(failed).call(get())).toEqual(left("failed"));
  });

  test.each([-1, 1.5, NaN])("rejects a limit of %d", (maxBodyBytes) => {
    expect(() => statusErrors({ maxBodyBytes })).toThrow(
      `status-errors: maxBodyBytes must be an integer of at least 0 (got ${maxBodyBytes})`,
    );
  });
});

describe("types of statusErrors", () => {
  test("requires HTTP and raises StatusError and Aborted", () => {
    expectTypeOf(statusErrors()).toEqualTypeOf<
      Layer<HttpRequest, unknown, StatusError | Aborted, never, never, HttpResponse>
    >();
    const stack = new ServiceBuilder<HttpRequest>()
      .layer(statusErrors())
      .service(service("origin", async (_request: HttpRequest) => right(httpResponse(200))));
    expectTypeOf<ErrorOf<typeof stack>>().toEqualTypeOf<StatusError | Aborted>();
  });

  test("does not compile around a service that is not HTTP", () => {
    const numbers = service("numbers", async (_request: HttpRequest) => right(1));
    // @ts-expect-error: Type 'number' is not assignable to type 'HttpResponse'.
    new ServiceBuilder<HttpRequest>().layer(statusErrors()).service(numbers);
  });
});
