import { balance, roundRobin } from "@pagoda/balance";
import { circuitBreaker } from "@pagoda/circuit-breaker";
import {
  type Classifier,
  responseClassifier,
  right,
  service,
  ServiceBuilder,
  staticEndpoints,
} from "@pagoda/core";
import { httpRequest, type HttpRequest, httpResponse } from "@pagoda/http";
import { virtualClock } from "@pagoda/core/testing";
import { outlierDetection } from "@pagoda/health";
import { replay } from "@pagoda/replay";
import { retry } from "@pagoda/retry";
import { describe, expect, test } from "vitest";

/** An origin that answers with one status, and counts how often it was asked. */
function answering(status: number) {
  const origin = { asked: 0, service: service("origin", answer) };
  async function answer(_request: HttpRequest) {
    origin.asked++;
    return right(httpResponse(status, "text"));
  }
  return origin;
}

const request = (method: string) => httpRequest("http://shop.example/", { method });

// Defect: each layer had to be given `httpClassifier()`, or a 503 was a success to all of them.
describe("an HTTP stack with the default classifier", () => {
  test.each([
    ["GET", 503, 3],
    ["PUT", 503, 3],
    ["POST", 503, 1],
    ["GET", 404, 1],
  ])("%s answered with %d is attempted %d times", async (method, status, tries) => {
    const clock = virtualClock();
    const origin = answering(status);
    const stack = new ServiceBuilder<HttpRequest>()
      .layer(replay())
      .layer(retry({ clock }))
      .service(origin.service);
    const result = stack.call(request(method));
    await clock.runAll();
    expect(await result).toMatchObject(right({ status }));
    expect(origin.asked).toBe(tries);
  });

  test("20 responses with 503 open the breaker, which then refuses", async () => {
    const origin = answering(503);
    const stack = new ServiceBuilder<HttpRequest>()
      .layer(circuitBreaker({ clock: virtualClock() }))
      .service(origin.service);
    for (let call = 0; call < 20; call++) await stack.call(request("GET"));
    expect(origin.asked).toBe(5);
    expect(stack.describe().state).toMatchObject({ phase: "open" });
  });

  async function ejectedOf(classifier?: Classifier): Promise<unknown> {
    const clock = virtualClock();
    const balanced = balance({
      discovery: staticEndpoints(["a", "b", "c"].map((key) => ({ key }))),
      connect: ({ key }) => answering(key === "a" ? 503 : 200).service,
      strategy: roundRobin(),
      health: [outlierDetection({ clock, maxEjectedRatio: 0.5 })],
      ...(classifier && { classifier }),
      clock,
    });
    for (let call = 0; call < 30; call++) await balanced.call(request("GET"));
    const unhealthy = balanced.describe().inner?.filter(({ state }) => state?.["healthy"] === false);
    balanced.close();
    return unhealthy?.map(({ options }) => options?.["key"]);
  }

  test("an endpoint that answers 503 is ejected", async () => {
    expect(await ejectedOf()).toEqual(["a"]);
  });

  test("a classifier with other statuses replaces the default", async () => {
    expect(await ejectedOf(responseClassifier({ failures: [500] }))).toEqual([]);
  });
});
