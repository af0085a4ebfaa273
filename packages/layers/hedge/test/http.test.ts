import { idempotent, type Replayable, right } from "@pagoda/core";
import { httpResponse, type HttpResponse } from "@pagoda/http";
import { mockService, virtualClock } from "@pagoda/core/testing";
import { hedge } from "@pagoda/hedge";
import { expect, test } from "vitest";

// Defect: without `httpClassifier()` a fast 503 won over the call that would have succeeded.
test("a 503 does not win while the other call is in flight, and its body is cancelled", async () => {
  const clock = virtualClock();
  const mock = mockService<Replayable, HttpResponse>();
  const layered = hedge({ clock, maxExtraLoad: 0.5, minSamples: 1, windowMs: 100 })(mock.service);
  for (let n = 0; n < 20; n++) {
    const quick = layered.call({ replay: idempotent });
    const inner = await mock.next();
    await clock.advance(10);
    inner.answer(httpResponse(200));
    await quick;
  }
  const result = layered.call({ replay: idempotent });
  const first = await mock.next();
  await clock.advance(50);
  const second = await mock.next();
  const busy = httpResponse(503, "busy");
  const read: boolean[] = [];
  busy.body.observe((complete) => read.push(complete));
  second.answer(busy);
  await clock.advance(1);
  expect(read).toEqual([false]);
  const answer = httpResponse(200);
  first.answer(answer);
  expect(await result).toEqual(right(answer));
});
