import { settled } from "@pagoda/core/testing";
import { httpResponse } from "@pagoda/http";
import { right, service } from "@pagoda/core";
import { expect, test } from "vitest";
import { mirror, mirrorUsage } from "@pagoda/mirror";
import { get, shadowThat } from "./bench.ts";

test("mirrors with the same usage share their limits", async () => {
  const usage = mirrorUsage();
  const real = service("real", async () => right(httpResponse(200)));
  const skipped: string[] = [];
  const to = shadowThat(() => new Promise(() => {}));
  const [former, next] = [1, 2].map((maxInFlight) =>
    mirror({ to, maxInFlight, usage, observer: { skipped: (reason) => skipped.push(reason) } })(real),
  );
  for (const mirrored of [former, next, next, former]) {
    await mirrored?.call(get);
    await settled();
  }
  expect(skipped).toEqual(["in-flight", "in-flight"]);
});
