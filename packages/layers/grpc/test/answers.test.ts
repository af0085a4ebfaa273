import { type Fault, isRight, left } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";
import { bodyOf, type HttpRequest, httpRequest, type HttpResponse, text } from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { grpcAnswers, type GrpcAnswersTable } from "@pagoda/grpc";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { grpcRequest, grpcResponse, ScriptedBody } from "./bench.ts";

const fault: Fault = { _tag: "TimedOut", origin: "upstream", retryable: true };

/** The response that a client gets for one of inner. */
async function answered(
  response: HttpResponse,
  table: GrpcAnswersTable = {},
  request: HttpRequest = grpcRequest(),
): Promise<HttpResponse> {
  const mock = mockService<HttpRequest, HttpResponse>();
  const result = grpcAnswers(table)(mock.service).call(request);
  (await mock.next()).answer(response);
  const settled = await result;
  if (!isRight(settled)) throw new Error("the mock answered, the layer did not");
  return settled.right;
}

describe("grpcAnswers", () => {
  conformance(test, () => grpcAnswers(), { request: () => grpcRequest(), response: () => grpcResponse() });

  test("turns an error response into a gRPC response", async () => {
    const response = {
      ...text("504 too slow\nrequest id: 7\n", 504, { "x-a": "1" }),
      fault,
    };
    const { body, headers, ...rest } = await answered(response, { TimedOut: "DEADLINE_EXCEEDED" });
    expect(rest).toEqual({ status: 200, statusText: undefined, fault });
    expect([...headers]).toEqual([
      ["x-a", "1"],
      ["content-type", "application/grpc"],
      ["grpc-status", "4"],
      ["grpc-message", "504 too slow%0Arequest id: 7"],
    ]);
    expect(body.length).toBe(0);
  });

  test.each([
    [400, 13],
    [401, 16],
    [403, 7],
    [404, 12],
    [429, 14],
    [502, 14],
    [503, 14],
    [504, 14],
    [500, 2],
    [418, 2],
  ])("maps HTTP status %d to %d by default", async (status, grpc) => {
    const { headers } = await answered({ ...text("x", status), fault }, { Other: "OK" });
    expect(headers.get("grpc-status")).toBe(String(grpc));
  });

  test("takes the message from the table", async () => {
    const table = { TimedOut: { status: "UNAVAILABLE", message: "später" } } as const;
    const { headers } = await answered({ ...text("x", 504), fault }, table);
    expect(headers.get("grpc-status")).toBe("14");
    expect(headers.get("grpc-message")).toBe("sp%C3%A4ter");
  });

  test("property: a message is visible ASCII on the wire and decodes to the original", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme" }), async (message) => {
        const table = { TimedOut: { status: "UNKNOWN", message } } as const;
        const { headers } = await answered({ ...text("x", 504), fault }, table);
        const sent = headers.get("grpc-message") as string;
        expect(sent).toMatch(/^(?:[ -$&-~]|%[\dA-F]{2})*$/);
        expect(decodeURIComponent(sent)).toBe(message);
      }),
    );
  });

  test("cancels a body that is long, not text, or not buffered", async () => {
    const json = { ...text("{}", 503, { "content-type": "application/json" }), fault };
    expect((await answered(json)).headers.get("grpc-message")).toBe("HTTP status 503");
    const long = { ...text("x".repeat(1_025), 503), fault };
    expect((await answered(long)).headers.get("grpc-message")).toBe("HTTP status 503");
    const at = { ...text("x".repeat(1_024), 503), fault };
    expect((await answered(at)).headers.get("grpc-message")).toHaveLength(1_024);
    const body = new ScriptedBody();
    expect((await answered({ ...text("", 503), body, fault })).headers.get("grpc-message")).toBe(
      "HTTP status 503",
    );
    expect(body.isStopped).toBe(true);
    const unread = bodyOf("{}");
    let isComplete: boolean | undefined;
    unread.observe((complete) => (isComplete = complete));
    await answered({ ...json, body: unread });
    expect(isComplete).toBe(false);
  });

  test("removes headers that describe the body", async () => {
    const fields = {
      "Content-Length": "3",
      "Transfer-Encoding": "chunked",
      trailer: "a",
      "retry-after": "1",
    };
    const { headers } = await answered({ ...text("x", 503, fields), fault });
    expect(headers.raw.slice(0, 4)).toEqual(["retry-after", "1", "content-type", "application/grpc"]);
  });

  test("sends the fault's retryAfterMs in whole milliseconds", async () => {
    const pushback = async (change: Partial<Fault>) =>
      (await answered({ ...text("x", 429), fault: { ...fault, ...change } })).headers.get(
        "grpc-retry-pushback-ms",
      );
    expect(await pushback({ retryAfterMs: 12.3 })).toBe("13");
    expect(await pushback({})).toBeUndefined();
    expect(await pushback({ retryAfterMs: 12, retryable: false })).toBeUndefined();
  });

  test("responds with the client's content type", async () => {
    const type = async (asked: string) =>
      (await answered({ ...text("x", 503), fault }, {}, grpcRequest({ "content-type": asked }))).headers.all(
        "content-type",
      );
    expect(await type("application/grpc+proto")).toEqual(["application/grpc+proto"]);
    expect(await type("application/grpc; charset=utf-8")).toEqual(["application/grpc"]);
  });

  test("passes through responses of an origin, gRPC responses and errors", async () => {
    for (const response of [
      text("bad gateway", 502),
      grpcResponse({ "grpc-status": "14" }),
      { ...grpcResponse({ "grpc-status": "14" }), fault },
    ])
      expect(await answered(response)).toBe(response);
    const mock = mockService<HttpRequest, HttpResponse, Fault>();
    const result = grpcAnswers()(mock.service).call(grpcRequest());
    (await mock.next()).fail(fault);
    expect(await result).toEqual(left(fault));
  });

  test("passes through responses to clients that are not gRPC", async () => {
    const response = { ...text("x", 504), fault };
    expect(await answered(response, {}, httpRequest("http://shop.example/"))).toBe(response);
  });

  test("notifies the observer with the gRPC and the HTTP status", async () => {
    const seen: unknown[] = [];
    const observer = { answered: (...all: readonly unknown[]) => void seen.push(all) };
    const mock = mockService<HttpRequest, HttpResponse>();
    const request = grpcRequest();
    const result = grpcAnswers({ TimedOut: "ABORTED" }, observer)(mock.service).call(request);
    (await mock.next()).answer({ ...text("x", 504), fault });
    await result;
    expect(seen).toEqual([[fault, request, { status: "ABORTED", httpStatus: 504 }]]);
  });

  test("rejects an unknown status", () => {
    expect(() => grpcAnswers({ A: "TIMEOUT" as never })).toThrow("status for A must be one of OK");
    expect(() => grpcAnswers({ A: { status: "x" as never } })).toThrow(RangeError);
  });

  test("describes its table", () => {
    const { service } = mockService<HttpRequest, HttpResponse>();
    const layered = grpcAnswers({ A: "ABORTED", B: { status: "INTERNAL", message: "b" } })(service);
    expect(layered.describe()).toMatchObject({
      name: "grpc-answers",
      options: { statuses: { A: "ABORTED", B: "INTERNAL" } },
    });
  });
});
