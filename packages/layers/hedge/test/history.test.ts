import { idempotent, type Replayable } from "@pagoda/core";
import { mockService, virtualClock } from "@pagoda/core/testing";
import { expect, test } from "vitest";
import { hedge, hedgeHistory } from "@pagoda/hedge";

test("layers with the same history and settings share delay and budget", async () => {
  const clock = virtualClock();
  const mock = mockService<Replayable, string>();
  const history = hedgeHistory();
  const settings = { maxExtraLoad: 0.2, windowMs: 1_000, minSamples: 10, clock };
  const former = hedge({ ...settings, history })(mock.service);
  await clock.advance(500);
  for (let n = 0; n < 10; n++) {
    const answer = former.call({ replay: idempotent });
    (await mock.next()).answer("a");
    await answer;
  }
  await clock.advance(500);
  const stateOf = (change: object) =>
    hedge({ ...settings, ...change, history })(mock.service).describe().state;
  expect(stateOf({})).toEqual(former.describe().state);
  expect(stateOf({})).toMatchObject({ delayMs: expect.any(Number) as number, budgetLeft: 2 });
  expect(stateOf({ minSamples: 11 })).toMatchObject({ delayMs: null, budgetLeft: 0 });
});
