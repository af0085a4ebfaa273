import { getEventListeners } from "node:events";
import { isRight, right, service } from "@pagoda/core";
import { mockService, settled, virtualClock } from "@pagoda/core/testing";
import { emptyBody, type HttpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { grpcClassifier, grpcTrailers } from "@pagoda/grpc";
import { describe, expect, test } from "vitest";
import { grpcRequest, grpcResponse, read, ScriptedBody } from "./bench.ts";

const failed = { "grpc-status": "14", "grpc-message": "down", "x-more": "1" };

function bench(body: ScriptedBody, waitMs?: number) {
  const clock = virtualClock();
  const mock = mockService<HttpRequest, HttpResponse>();
  const controller = new AbortController();
  const layered = grpcTrailers({ clock, ...(waitMs !== undefined && { waitMs }) })(mock.service);
  let response: HttpResponse | undefined;
  const given = grpcResponse({ "x-head": "1", Trailer: "grpc-status", "Transfer-Encoding": "chunked" }, body);
  void layered.call(grpcRequest(), controller.signal).then((result) => {
    if (isRight(result)) response = result.right;
  });
  mock.calls[0]?.answer(given);
  return {
    clock,
    controller,
    given,
    /** The response, once the layer has returned it. */
    async response(): Promise<HttpResponse | undefined> {
      await settled();
      return response;
    },
  };
}

describe("grpcTrailers", () => {
  conformance(test, ({ clock }) => grpcTrailers({ clock }), {
    request: () => grpcRequest(),
    response: () => grpcResponse({}, new ScriptedBody().end()),
    changes: { response: ["headers", "body"] },
  });

  test("moves an error in the trailers of a response without a message into the head", async () => {
    const { clock, response } = bench(new ScriptedBody().end(failed));
    const given = await response();
    expect([...(given as HttpResponse).headers]).toEqual([
      ["content-type", "application/grpc"],
      ["x-head", "1"],
      ["grpc-status", "14"],
      ["grpc-message", "down"],
      ["x-more", "1"],
    ]);
    expect(given?.body).toBe(emptyBody);
    expect(grpcClassifier().outcome(right(given))).toEqual({ kind: "failure", retryable: true });
    expect(clock.pending).toBe(0);
  });

  test("drops trailers that would change the framing (defect: did not)", async () => {
    const forged = {
      "Content-Length": "5",
      "transfer-encoding": "chunked",
      Connection: "x",
      "content-type": "text/html",
    };
    const given = await bench(new ScriptedBody().end({ ...forged, ...failed })).response();
    expect(given?.headers.raw.slice(4)).toEqual(Object.entries(failed).flat());
  });

  test("moves an error that arrives shortly after the head", async () => {
    const body = new ScriptedBody();
    const { clock, response } = bench(body);
    await clock.advance(4);
    expect(await response()).toBeUndefined();
    body.end(failed);
    expect((await response())?.headers.get("grpc-status")).toBe("14");
    expect(clock.pending).toBe(0);
  });

  test("leaves an error that arrives later in the trailers", async () => {
    const body = new ScriptedBody();
    const { clock, response } = bench(body);
    await clock.advance(5);
    const given = (await response()) as HttpResponse;
    body.end(failed);
    expect(given.headers.has("grpc-status")).toBe(false);
    expect(read(given.body).got).toEqual(["end", ...Object.entries(failed).flat()]);
  });

  test("does not wait with a waitMs of 0", async () => {
    const { clock, response } = bench(new ScriptedBody(), 0);
    expect(await response()).toBeDefined();
    expect(clock.pending).toBe(0);
    expect((await bench(new ScriptedBody().end(failed), 0).response())?.headers.has("grpc-status")).toBe(
      true,
    );
  });

  test("returns a response as soon as its first message arrives, byte for byte", async () => {
    const body = new ScriptedBody();
    const { clock, response } = bench(body);
    body.piece("one");
    const given = (await response()) as HttpResponse;
    expect(clock.pending).toBe(0);
    body.piece("two");
    const { got } = read(given.body);
    body.piece("three");
    body.end(failed);
    expect(got).toEqual(["one", "two", "three", "end", ...Object.entries(failed).flat()]);
    expect(given.headers.has("grpc-status")).toBe(false);
  });

  test("keeps a message that is followed by an error at once", async () => {
    const body = new ScriptedBody();
    const { response } = bench(body);
    expect(await response()).toBeUndefined();
    body.piece("one");
    body.end(failed);
    const given = (await response()) as HttpResponse;
    expect(given.headers.has("grpc-status")).toBe(false);
    expect(read(given.body).got).toEqual(["one", "end", ...Object.entries(failed).flat()]);
  });

  test("an empty chunk is not a message", async () => {
    const body = new ScriptedBody();
    const { response } = bench(body);
    body.piece("");
    expect(await response()).toBeUndefined();
    body.end(failed);
    expect((await response())?.headers.get("grpc-status")).toBe("14");
  });

  test("leaves a success without a message, and an end without a status, unchanged", async () => {
    const fine = (await bench(new ScriptedBody().end({ "grpc-status": "0" })).response()) as HttpResponse;
    expect(fine.headers.has("grpc-status")).toBe(false);
    expect(read(fine.body).got).toEqual(["end", "grpc-status", "0"]);
    const none = (await bench(new ScriptedBody().end()).response()) as HttpResponse;
    expect(read(none.body).got).toEqual(["end"]);
  });

  test("passes a broken body on as broken", async () => {
    const body = new ScriptedBody();
    const { clock, response } = bench(body);
    body.break();
    expect(read(((await response()) as HttpResponse).body).got).toEqual(["broken"]);
    expect(clock.pending).toBe(0);
  });

  test("pauses the source for a slow reader, and cancels it with its reader", async () => {
    const body = new ScriptedBody();
    const { response } = bench(body);
    expect(await response()).toBeUndefined();
    expect(body.piece("x".repeat(65_535))).toBe(true);
    expect(body.piece("x")).toBe(false);
    const given = (await response()) as HttpResponse;
    const { flow } = read(given.body);
    expect(body.wentOn).toBe(1);
    flow.cancel();
    expect(body.isStopped).toBe(true);
    const dropped = new ScriptedBody();
    const other = bench(dropped);
    dropped.piece("one");
    (await other.response())?.body.cancel();
    expect(dropped.isStopped).toBe(true);
  });

  test("an abort ends the wait", async () => {
    const { clock, controller, response } = bench(new ScriptedBody());
    expect(await response()).toBeUndefined();
    controller.abort();
    expect(await response()).toBeDefined();
    expect(clock.pending).toBe(0);
  });

  test("removes its listeners after the wait", async () => {
    const body = new ScriptedBody();
    const { controller, response } = bench(body);
    await response();
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(1);
    body.piece("one");
    await response();
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  });

  test("does not wait for a response that arrives after an abort", async () => {
    const clock = virtualClock();
    const given = grpcResponse({}, new ScriptedBody());
    const heedless = service("heedless", async (_: HttpRequest) => right(given));
    const result = await grpcTrailers({ clock })(heedless).call(grpcRequest(), AbortSignal.abort());
    expect(isRight(result)).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test.each([
    ["a status in the head", grpcResponse({ "grpc-status": "14" }, new ScriptedBody())],
    ["another content type", httpResponse(200, new ScriptedBody(), { "content-type": "text/html" })],
    ["a known length", grpcResponse({}, httpResponse(200, "body").body)],
  ])("passes a response with %s through unchanged", async (_, given) => {
    const mock = mockService<HttpRequest, HttpResponse>();
    const result = grpcTrailers()(mock.service).call(grpcRequest());
    (await mock.next()).answer(given);
    const settledResult = await result;
    expect(isRight(settledResult) && settledResult.right).toBe(given);
  });

  test.each([-1, 1_001, NaN])("rejects a waitMs of %d", (waitMs) => {
    expect(() => grpcTrailers({ waitMs })).toThrow(`waitMs must be a number from 0 to 1000 (got ${waitMs})`);
  });

  test("describes its options", () => {
    const { service } = mockService<HttpRequest, HttpResponse>();
    expect(grpcTrailers()(service).describe()).toMatchObject({
      name: "grpc-trailers",
      options: { waitMs: 5 },
    });
  });
});
