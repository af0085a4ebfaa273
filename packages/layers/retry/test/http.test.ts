import { idempotent, once, type Replayable, right } from "@pagoda/core";
import { httpResponse, type HttpResponse } from "@pagoda/http";
import { mockService, virtualClock } from "@pagoda/core/testing";
import { retry } from "@pagoda/retry";
import { describe, expect, test } from "vitest";

function bench() {
  const clock = virtualClock();
  const mock = mockService<Replayable, HttpResponse>();
  return { clock, mock, layered: retry({ clock, random: () => 0 })(mock.service) };
}

// Defect: without `httpClassifier()` a 503 counted as a success, and nothing was retried.
describe("retry of HTTP responses with the default classifier", () => {
  test.each([429, 502, 503, 504])(
    "retries a call answered with %d and discards the response",
    async (status) => {
      const { clock, mock, layered } = bench();
      const result = layered.call({ replay: idempotent });
      const dropped: boolean[] = [];
      const first = httpResponse(status, "busy");
      first.body.observe((complete) => dropped.push(complete));
      (await mock.next()).answer(first);
      await clock.advance(1);
      const answer = httpResponse(200);
      (await mock.next()).answer(answer);
      expect(await result).toEqual(right(answer));
      expect(dropped).toEqual([false]);
    },
  );

  test("honors Retry-After", async () => {
    const { clock, mock, layered } = bench();
    const result = layered.call({ replay: idempotent });
    (await mock.next()).answer(httpResponse(503, "", { "retry-after": "2" }));
    await clock.advance(1_999);
    await mock.expectNoCall();
    await clock.advance(1);
    (await mock.next()).answer(httpResponse(200));
    await result;
  });

  test.each([200, 404, 500, 501])("does not retry %d", async (status) => {
    const { mock, layered } = bench();
    const result = layered.call({ replay: idempotent });
    const answer = httpResponse(status);
    (await mock.next()).answer(answer);
    expect(await result).toEqual(right(answer));
  });

  test("does not retry a request that cannot be repeated", async () => {
    const { mock, layered } = bench();
    const result = layered.call({ replay: once });
    const answer = httpResponse(503);
    (await mock.next()).answer(answer);
    expect(await result).toEqual(right(answer));
  });
});
