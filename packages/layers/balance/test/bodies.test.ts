import { type Endpoint, type Outcome, staticEndpoints } from "@pagoda/core";
import { bodyBroken, httpResponse, type HttpResponse, PushBody } from "@pagoda/http";
import { mockService, settled, virtualClock } from "@pagoda/core/testing";
import { balance, peakEwma } from "@pagoda/balance";
import { expect, test } from "vitest";

class Flowing extends PushBody {
  readonly length = undefined;
  end(): void {
    this.finish();
  }
  break(): void {
    this.broken(bodyBroken());
  }
  protected goOn(): void {}
  protected stop(): void {}
}

function bench() {
  const clock = virtualClock();
  const mock = mockService<string, HttpResponse>();
  const heard: string[] = [];
  const source = {
    name: "learns",
    watch: (_endpoint: Endpoint) => ({
      healthy: true,
      ended: ({ kind }: Outcome, call: unknown) => void heard.push(`${kind} of ${String(call)}`),
      state: () => ({}),
      close() {},
    }),
  };
  const balanced = balance({
    discovery: staticEndpoints([{ key: "a" }]),
    connect: () => mock.service,
    health: [source],
    strategy: peakEwma(),
    clock,
  });
  return {
    clock,
    heard,
    estimate: () => balanced.describe().inner?.[0]?.state?.["estimateMs"],
    async answer(body: HttpResponse["body"]): Promise<void> {
      void balanced.call("a");
      const call = await mock.next();
      await clock.advance(10);
      call.answer({ ...httpResponse(200), body });
      await settled();
    },
  };
}

test("health sources and latency learn of broken bodies (defect: did not)", async () => {
  const { clock, heard, estimate, answer } = bench();
  const body = new Flowing();
  await answer(body);
  expect([heard, estimate()]).toEqual([[], 10]);
  await clock.advance(1_000);
  body.break();
  expect([heard, estimate()]).toEqual([["failure of a"], 5_000]);
});

test("a complete or cancelled body is a success at its end, with the latency of the head", async () => {
  const { clock, heard, estimate, answer } = bench();
  const [whole, cancelled] = [new Flowing(), new Flowing()];
  await answer(whole);
  await answer(cancelled);
  await clock.advance(1_000);
  whole.pipe({ write: () => true, end() {}, fail() {} });
  whole.end();
  expect([heard, estimate()]).toEqual([["success of a"], 10]);
  cancelled.cancel();
  expect(heard).toEqual(["success of a", "success of a"]);
});

test("a response with a complete body counts at once", async () => {
  const { heard, answer } = bench();
  await answer(httpResponse(200, "all").body);
  const body = new Flowing();
  body.end();
  await answer(body);
  expect(heard).toEqual(["success of a", "success of a"]);
});
