import { deadlineOf, left, right, Scope } from "@pagoda/core";
import { mockService, virtualClock } from "@pagoda/core/testing";
import { type HttpRequest, httpRequest, type HttpResponse } from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { type DeadlineExceeded, grpcDeadline, type GrpcDeadlineOptions } from "@pagoda/grpc";
import { describe, expect, test } from "vitest";
import { grpcRequest, grpcResponse } from "./bench.ts";

function bench(options: GrpcDeadlineOptions = {}) {
  const clock = virtualClock();
  const mock = mockService<HttpRequest, HttpResponse>();
  return { clock, mock, layered: grpcDeadline({ clock, ...options })(mock.service) };
}

const fault = (afterMs: number) => ({ _tag: "DeadlineExceeded", origin: "local", retryable: false, afterMs });
const exceeded = (afterMs: number) => left(fault(afterMs));

/** Returns the `grpc-timeout` that the origin receives for the client's. */
async function forwardedTimeout(
  value: string | readonly string[] | undefined,
  options: GrpcDeadlineOptions = {},
) {
  const { mock, layered } = bench(options);
  const result = layered.call(grpcRequest(value === undefined ? {} : { "grpc-timeout": value }));
  const call = await mock.next();
  call.answer(grpcResponse());
  await result;
  return call.request.headers.all("grpc-timeout");
}

describe("grpcDeadline", () => {
  conformance(test, ({ clock }) => grpcDeadline({ clock }), {
    request: () => grpcRequest({ "grpc-timeout": "5S" }),
    response: () => grpcResponse(),
  });

  test("ends the call at its deadline and aborts inner", async () => {
    const seen: [DeadlineExceeded, HttpRequest][] = [];
    const observer = {
      exceeded: (fault: DeadlineExceeded, request: HttpRequest) => void seen.push([fault, request]),
    };
    const { clock, mock, layered } = bench({ observer });
    const request = grpcRequest({ "grpc-timeout": "250m" });
    const result = layered.call(request);
    const { signal } = await mock.next();
    await clock.advance(249);
    expect(signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(signal?.aborted).toBe(true);
    expect(signal?.reason).toBeInstanceOf(DOMException);
    expect(signal?.reason).toMatchObject({
      name: "TimeoutError",
      cause: { _tag: "DeadlineExceeded", afterMs: 250 },
    });
    expect(await result).toEqual(exceeded(250));
    expect(seen).toEqual([[fault(250), request]]);
  });

  test("passes the deadline to inner layers", async () => {
    const { clock, mock, layered } = bench();
    await clock.advance(1_000);
    const result = layered.call(grpcRequest({ "grpc-timeout": "2S" }));
    const call = await mock.next();
    expect(deadlineOf(call.signal)).toBe(3_000);
    call.answer(grpcResponse());
    await result;
  });

  test.each([
    ["1H", 3_600_000],
    ["2M", 120_000],
    ["3S", 3_000],
    ["40m", 40],
    ["500u", 0.5],
    ["1000000n", 1],
    ["00000001S", 1_000],
  ])("reads %s as %d ms", async (value, ms) => {
    const { clock, mock, layered } = bench();
    const result = layered.call(grpcRequest({ "grpc-timeout": value }));
    const call = await mock.next();
    expect(deadlineOf(call.signal)).toBe(ms);
    expect(call.request.headers.all("grpc-timeout")).toEqual([value]);
    await clock.advance(ms);
    expect(await result).toEqual(exceeded(ms));
  });

  test.each(["", "5", "S", "5s", "123456789S", "-5S", "+5S", "5 S", " 5S", "5.5S", "5SS", "0x5S", "1e3m"])(
    "ignores and removes the malformed %j",
    async (value) => {
      expect(await forwardedTimeout(value)).toEqual([]);
      expect(await forwardedTimeout(value, { maxMs: 1_000 })).toEqual(["1000000u"]);
    },
  );

  test("ignores and removes repeated values, even equal ones", async () => {
    expect(await forwardedTimeout(["5S", "5S"])).toEqual([]);
    expect(await forwardedTimeout(["5S", "1S"], { maxMs: 1_000 })).toEqual(["1000000u"]);
  });

  test("does not make a call whose deadline has passed", async () => {
    for (const value of ["0S", "0n", "00000000m"]) {
      const { mock, layered } = bench();
      expect(await layered.call(grpcRequest({ "grpc-timeout": value }))).toEqual(exceeded(0));
      await mock.expectNoCall();
    }
  });

  test("maxMs bounds calls with and without grpc-timeout", async () => {
    expect(await forwardedTimeout("10S", { maxMs: 2_000 })).toEqual(["2000000u"]);
    expect(await forwardedTimeout("1S", { maxMs: 2_000 })).toEqual(["1S"]);
    expect(await forwardedTimeout(undefined, { maxMs: 2_000 })).toEqual(["2000000u"]);
    const { clock, layered } = bench({ maxMs: 2_000 });
    const result = layered.call(grpcRequest());
    await clock.advance(2_000);
    expect(await result).toEqual(exceeded(2_000));
  });

  test("without maxMs, passes a request without grpc-timeout through unchanged", async () => {
    const { clock, mock, layered } = bench();
    const request = grpcRequest();
    const result = layered.call(request);
    const call = await mock.next();
    expect(call.request).toBe(request);
    expect(clock.pending).toBe(0);
    call.answer(grpcResponse());
    await result;
  });

  test("sends the origin a nearer outer deadline, and leaves it to the outer layer", async () => {
    const { clock, mock, layered } = bench({ maxMs: 60_000 });
    const scope = new Scope(undefined);
    scope.deadline = 1_000;
    await clock.advance(250);
    for (const fields of [{}, { "grpc-timeout": "5S" }, { "grpc-timeout": "5" }]) {
      const result = layered.call(grpcRequest(fields), scope.signal);
      const call = await mock.next();
      expect(call.request.headers.all("grpc-timeout")).toEqual(["750000u"]);
      expect(clock.pending).toBe(0);
      expect(call.signal).toBe(scope.signal);
      call.answer(grpcResponse());
      await result;
    }
    await clock.advance(750);
    expect(await layered.call(grpcRequest(), scope.signal)).toEqual(exceeded(0));
  });

  test("inside another, sends the origin the time left and sets no timer", async () => {
    const clock = virtualClock();
    const mock = mockService<HttpRequest, HttpResponse>();
    const inside = grpcDeadline({ clock })(mock.service);
    const late = {
      ...inside,
      call: async (request: HttpRequest, signal?: AbortSignal) => {
        await clock.advance(400);
        return inside.call(request, signal);
      },
    };
    const result = grpcDeadline({ clock })(late).call(grpcRequest({ "grpc-timeout": "1S" }));
    await clock.advance(0);
    const call = await mock.next();
    expect(call.request.headers.get("grpc-timeout")).toBe("600000u");
    expect(clock.pending).toBe(1);
    call.answer(grpcResponse());
    expect(await result).toMatchObject(right({ status: 200 }));
  });

  test.each([
    [99_999.999, "99999999u"],
    [100_000, "100000m"],
    [99_999_999, "99999999m"],
    [100_000_000.5, "100000S"],
    [2_147_483_647, "2147483S"],
    [0.0001, "1u"],
  ])("writes %d ms as %s, rounded down to eight digits", async (maxMs, value) => {
    expect(await forwardedTimeout(undefined, { maxMs })).toEqual([value]);
  });

  test("caps a timeout at the longest timer", async () => {
    const { clock, mock, layered } = bench();
    const result = layered.call(grpcRequest({ "grpc-timeout": "99999999H" }));
    const { request, signal } = await mock.next();
    expect(deadlineOf(signal)).toBe(2_147_483_647);
    expect(request.headers.get("grpc-timeout")).toBe("2147483S");
    await clock.advance(2_147_483_647);
    expect(await result).toEqual(exceeded(2_147_483_647));
  });

  test("passes requests that are not gRPC through unchanged", async () => {
    const { clock, mock, layered } = bench({ maxMs: 1_000 });
    for (const type of [
      "application/json",
      "application/grpc-web",
      "application/grpcx",
      "text/application/grpc",
    ]) {
      const headers = { "grpc-timeout": "0S", "content-type": type };
      const request = httpRequest("http://shop.example/", { headers });
      const result = layered.call(request);
      const call = await mock.next();
      expect(call.request).toBe(request);
      expect(clock.pending).toBe(0);
      call.answer(grpcResponse());
      await result;
    }
  });

  test.each([0, -1, NaN, Infinity, 2_147_483_648])("rejects a maxMs of %d", (maxMs) => {
    expect(() => grpcDeadline({ maxMs })).toThrow(
      `grpcDeadline: maxMs must be a number above 0 and at most 2147483647 (got ${maxMs})`,
    );
  });

  test("describes its options", () => {
    expect(bench({ maxMs: 5 }).layered.describe()).toMatchObject({
      name: "grpc-deadline",
      options: { maxMs: 5 },
    });
  });
});
