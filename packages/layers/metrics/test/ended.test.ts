import { type Either, type Fault, left, right, service } from "@pagoda/core";
import { virtualClock } from "@pagoda/core/testing";
import { httpRequest, httpResponse, type HttpResponse } from "@pagoda/http";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { type CallEnd, metrics } from "../src/index.ts";

const fault: Fault = { _tag: "Down", origin: "upstream", retryable: true };

function observing() {
  const ends: CallEnd[] = [];
  const clock = virtualClock();
  const layer = metrics({ registry: new Registry(), clock }).labelled(
    { listener: "main" },
    { ended: (end) => ends.push(end) },
  );
  return { ends, clock, layer };
}

test("the end of a call is reported when its body has ended, with its times", async () => {
  const { ends, clock, layer } = observing();
  const response = httpResponse(200, "ok");
  const request = httpRequest("http://shop.test/");
  const stack = layer(service("origin", async () => right(response)));
  await stack.call(request);
  expect(ends).toEqual([]);
  await clock.advance(5);
  await response.body.text();
  expect(ends).toMatchObject([{ request, response, isComplete: true, fault: undefined }]);
  expect((ends[0]?.endedAt ?? 0) - (ends[0]?.startedAt ?? 0)).toBe(5);
});

test("a body that is cancelled is incomplete", async () => {
  const { ends, layer } = observing();
  const response = httpResponse(200, "ok");
  await layer(service("origin", async () => right(response))).call(httpRequest("http://shop.test/"));
  response.body.cancel();
  expect(ends).toMatchObject([{ isComplete: false }]);
});

test("an error and a defect are reported without a response", async () => {
  const { ends, layer } = observing();
  const failing = service("origin", async () => left(fault));
  await layer(failing).call(httpRequest("http://shop.test/"));
  const broken = service("origin", (): Promise<Either<never, HttpResponse>> => {
    return Promise.reject(new Error("defect"));
  });
  await expect(layer(broken).call(httpRequest("http://shop.test/"))).rejects.toThrow("defect");
  expect(ends).toMatchObject([
    { fault, response: undefined, isComplete: false },
    { fault: undefined, response: undefined, isComplete: false },
  ]);
});
