import { SpanStatusCode } from "@opentelemetry/api";
import { right } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { serverSpan } from "@pagoda/tracing";
import { get, mockHttp, sdk, streamed, summary } from "./bench.ts";
import { nowhere } from "./test-body.ts";

const failed = { code: SpanStatusCode.ERROR };
const unset = { code: SpanStatusCode.UNSET };

function bench() {
  const { tracer, ended } = sdk();
  const mock = mockHttp();
  return { mock, ended, layered: serverSpan({ tracer })(mock.service) };
}

describe("serverSpan and the response body", () => {
  test("ends with the body, not with the headers", async () => {
    const { mock, layered, ended } = bench();
    const { response, body } = streamed();
    const result = layered.call(get());
    (await mock.next()).answer(response);
    expect(await result).toEqual(right(response));
    body.pipe(nowhere);
    expect(ended()).toHaveLength(0);
    body.end();
    expect(ended().map(summary)).toMatchObject([{ status: unset, events: ["pagoda.response.head"] }]);
    expect(ended()[0]?.attributes).not.toHaveProperty("pagoda.response.complete");
  });

  test("a broken body fails the span", async () => {
    const { mock, layered, ended } = bench();
    const { response, body } = streamed();
    const result = layered.call(get());
    (await mock.next()).answer(response);
    await result;
    body.pipe(nowhere);
    body.break();
    expect(ended().map(summary)).toMatchObject([
      { status: failed, attributes: { "error.type": "BodyBroken", "pagoda.response.complete": false } },
    ]);
  });

  test("a broken body does not replace the error of a 503", async () => {
    const { mock, layered, ended } = bench();
    const { response, body } = streamed(503);
    const result = layered.call(get());
    (await mock.next()).answer(response);
    await result;
    body.pipe(nowhere);
    body.break();
    expect(ended().map(summary)).toMatchObject([
      { status: failed, attributes: { "error.type": "503", "pagoda.response.complete": false } },
    ]);
  });

  test.each([
    ["HEAD", 200],
    ["GET", 204],
    ["GET", 304],
  ])("a body that must not be sent is not broken: %s %d", async (method, status) => {
    const { mock, layered, ended } = bench();
    const { response, body } = streamed(status);
    const result = layered.call({ ...get(), method });
    (await mock.next()).answer(response);
    await result;
    body.cancel();
    expect(ended().map(summary)).toMatchObject([{ status: unset }]);
  });

  test("an abort during the body is not a failure", async () => {
    const { mock, layered, ended } = bench();
    const controller = new AbortController();
    const { response, body } = streamed();
    const result = layered.call(get(), controller.signal);
    (await mock.next()).answer(response);
    await result;
    controller.abort();
    body.cancel();
    expect(ended().map(summary)).toMatchObject([{ status: unset, attributes: { "error.type": "Aborted" } }]);
  });
});
