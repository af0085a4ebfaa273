import { type HttpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { diag, DiagLogLevel, type Tracer } from "@opentelemetry/api";
import { type Layer, right, service } from "@pagoda/core";
import { afterEach, describe, expect, test } from "vitest";
import { clientSpan, serverSpan, type SpanOptions, traceContext, type Traced } from "@pagoda/tracing";
import { get, incoming, mockHttp, sdk } from "./bench.ts";

const notes = { route: "cart", cluster: undefined, upstream: undefined, tries: 0 };
const sides: readonly (readonly [
  string,
  (options: SpanOptions) => Layer<HttpRequest, Traced, never, never, never, HttpResponse>,
])[] = [
  ["serverSpan", serverSpan],
  ["clientSpan", clientSpan],
];

/** Entries in the API's log: reported errors, and warnings of the SDK. */
function diagErrors(): unknown[] {
  const errors: unknown[] = [];
  const ignore = (): void => {};
  const error = (message: string, ...rest: unknown[]): void =>
    void errors.push(...(rest.length > 0 ? rest : [message]));
  const logger = { error, warn: error, info: ignore, debug: ignore, verbose: ignore };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  return errors;
}

afterEach(() => diag.disable());

describe.each(sides)("options of %s", (_name, span) => {
  test("a custom name is not changed by the route", async () => {
    const [{ tracer, ended }, mock] = [sdk(), mockHttp()];
    const layered = span({ tracer, name: ({ path }) => `shop${path}` })(mock.service);
    const result = layered.call({ ...get(), notes });
    (await mock.next()).answer(httpResponse(200));
    await result;
    expect(ended()[0]?.name).toBe("shop/cart");
  });

  test("records additional attributes and configured fields", async () => {
    const [{ tracer, ended }, mock] = [sdk(), mockHttp()];
    const layered = span({
      tracer,
      attributes: ({ path }) => ({ "shop.page": path }),
      requestHeaders: ["Accept", "x-missing"],
      responseHeaders: ["content-type"],
    })(mock.service);
    const result = layered.call(get({ accept: ["text/html", "*/*"], cookie: "secret" }));
    (await mock.next()).answer(httpResponse(200, "", { "Content-Type": "text/html", etag: "1" }));
    await result;
    expect(ended()[0]?.attributes).toMatchObject({
      "shop.page": "/cart",
      "http.request.header.accept": ["text/html", "*/*"],
      "http.response.header.content-type": ["text/html"],
    });
    const fields = Object.keys(ended()[0]?.attributes ?? {}).filter((name) => name.includes(".header."));
    expect(fields).toHaveLength(2);
  });

  test("records the query if enabled", async () => {
    const [{ tracer, ended }, mock] = [sdk(), mockHttp()];
    for (const query of [undefined, true]) {
      const result = span({ tracer, ...(query && { query }) })(mock.service).call(get());
      (await mock.next()).answer(httpResponse(200));
      await result;
    }
    const [without, withQuery] = ended().map(({ attributes }) => JSON.stringify(attributes));
    expect(without).not.toContain("secret");
    expect(withQuery).toContain("token=secret");
  });

  test.each(["name", "attributes"])("a throw of `%s` rejects the call", async (option) => {
    const [{ tracer, ended }, mock] = [sdk(), mockHttp()];
    const mistake = new Error("a mistake");
    const layered = span({
      tracer,
      [option]: () => {
        throw mistake;
      },
    })(mock.service);
    await expect(layered.call(get())).rejects.toBe(mistake);
    await mock.expectNoCall();
    expect(ended()).toHaveLength(option === "attributes" ? 1 : 0);
  });

  test("a throw of inner ends the span and rejects the call", async () => {
    const { tracer, ended } = sdk();
    const defect = new Error("a defect");
    const inner = {
      ...service("inner", async () => right(httpResponse(200))),
      call() {
        throw defect;
      },
    };
    await expect(span({ tracer })(inner).call(get())).rejects.toBe(defect);
    expect(ended()).toHaveLength(1);
  });

  test("a throwing tracer does not fail the call and is reported to diag", async () => {
    const errors = diagErrors();
    const fault = new Error("out of spans");
    const tracer = {
      startSpan() {
        throw fault;
      },
    } as unknown as Tracer;
    const mock = mockHttp();
    const result = span({ tracer })(mock.service).call(get());
    (await mock.next()).answer(httpResponse(200));
    expect(await result).toEqual(right(httpResponse(200)));
    expect(errors).toEqual([fault]);
  });

  test("a throwing propagator does not fail the call and is reported to diag", async () => {
    const errors = diagErrors();
    const fault = new Error("what is this");
    const throws = (): never => {
      throw fault;
    };
    const propagator = { ...traceContext, extract: throws, inject: throws };
    const mock = mockHttp();
    const result = span({ tracer: sdk().tracer, propagator })(mock.service).call(get());
    (await mock.next()).answer(httpResponse(200));
    expect(await result).toEqual(right(httpResponse(200)));
    expect(errors).toEqual([fault]);
  });

  test("a throwing span does not fail the call and is ended", async () => {
    diagErrors();
    const { tracer, ended } = sdk();
    const broken: Tracer = Object.assign(Object.create(tracer), {
      startSpan(...args: Parameters<Tracer["startSpan"]>) {
        const throws = (): never => {
          throw new Error("no attributes today");
        };
        return Object.assign(tracer.startSpan(...args), { setAttributes: throws, setStatus: throws });
      },
    });
    const mock = mockHttp();
    const layered = span({ tracer: broken, attributes: () => ({ a: 1 }) })(mock.service);
    const result = layered.call({ ...get(), notes });
    (await mock.next()).answer(httpResponse(500));
    expect(await result).toEqual(right(httpResponse(500)));
    expect(ended()).toHaveLength(1);
  });

  test("an ended span is not touched again, even if the body ends twice", async () => {
    const errors = diagErrors();
    const [{ tracer, ended }, mock] = [sdk(), mockHttp()];
    const twice = Object.assign(Object.create(httpResponse(200).body), {
      observe(observer: (complete: boolean) => void) {
        observer(true);
        observer(true);
      },
    });
    for (const response of [httpResponse(200), { ...httpResponse(200), body: twice }]) {
      const result = span({ tracer })(mock.service).call(get());
      (await mock.next()).answer(response);
      await result;
    }
    expect(ended()).toHaveLength(2);
    expect(errors).toEqual([]);
  });

  test("an invalid response of inner ends the span", async () => {
    diagErrors();
    const { tracer, ended } = sdk();
    const inner = service("inner", async (_request: HttpRequest) =>
      right("no response" as unknown as HttpResponse),
    );
    expect(await span({ tracer })(inner).call(get())).toEqual(right("no response"));
    expect(ended()).toHaveLength(1);
  });

  test("an unrecorded span is ended at once without attributes", async () => {
    const { tracer } = sdk();
    const ended: string[] = [];
    const unrecorded: Tracer = Object.assign(Object.create(tracer), {
      startSpan: (name: string) => ({
        isRecording: () => false,
        spanContext: () => ({ traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 0 }),
        end: () => ended.push(name),
      }),
    });
    const mock = mockHttp();
    const result = span({ tracer: unrecorded, attributes: () => expect.unreachable() })(mock.service).call(
      get({ traceparent: incoming }),
    );
    expect(ended).toEqual(["GET"]);
    (await mock.next()).answer(httpResponse(200));
    expect(await result).toEqual(right(httpResponse(200)));
  });
});

test("defect: headers of an untrusted peer passed after a failed extraction", async () => {
  diagErrors();
  const extract = (): never => {
    throw new Error("what is this");
  };
  const mock = mockHttp();
  const layered = serverSpan({ propagator: { ...traceContext, extract }, trust: () => false })(mock.service);
  const result = layered.call({ ...get({ traceparent: incoming }), peer: { address: "192.0.2.1", port: 1 } });
  const call = await mock.next();
  call.answer(httpResponse(200));
  await result;
  expect(call.request.headers.has("traceparent")).toBe(false);
});
