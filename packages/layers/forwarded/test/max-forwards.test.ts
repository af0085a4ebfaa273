import { mockService } from "@pagoda/core/testing";
import { type HttpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { isRight } from "@pagoda/core";
import { maxForwards } from "@pagoda/forwarded";
import { describe, expect, test } from "vitest";
import { type Field, requestWith } from "./bench.ts";

const asking = (method: string, ...fields: Field[]): HttpRequest => requestWith(fields, { method });

describe("maxForwards", () => {
  conformance(test, () => maxForwards(), {
    request: () => requestWith([["accept", "*/*"]]),
    response: () => httpResponse(200),
  });

  test.each([
    ["OPTIONS", "3", "2"],
    ["TRACE", "1", "0"],
    ["GET", "0", "0"],
    ["OPTIONS", "many", "many"],
    ["OPTIONS", "-1", "-1"],
  ])("passes on %s with %s as %s", async (method, value, expected) => {
    const mock = mockService<HttpRequest, HttpResponse>();
    const result = maxForwards()(mock.service).call(asking(method, ["Max-Forwards", value], ["A", "b"]));
    const call = await mock.next();
    expect(call.request.headers.get("max-forwards")).toBe(expected);
    expect(call.request.headers.get("a")).toBe("b");
    call.answer(httpResponse(204));
    expect(await result).toMatchObject({ right: { status: 204 } });
  });

  test.each([
    ["OPTIONS", 200],
    ["TRACE", 501],
  ])("responds to %s with 0 itself: %d", async (method, status) => {
    const mock = mockService<HttpRequest, HttpResponse>();
    const result = await maxForwards()(mock.service).call(asking(method, ["Max-Forwards", "0"]));
    expect(isRight(result) && result.right.status).toBe(status);
  });
});
