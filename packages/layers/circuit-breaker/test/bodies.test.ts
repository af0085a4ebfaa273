import { bodyBroken, httpResponse, type HttpResponse, PushBody } from "@pagoda/http";
import { mockService, settled, virtualClock } from "@pagoda/core/testing";
import { circuitBreaker, consecutiveFailures, successRate, type Trip } from "@pagoda/circuit-breaker";
import { describe, expect, test } from "vitest";

class Flowing extends PushBody {
  readonly length = undefined;
  end(): void {
    this.finish();
  }
  break(origin: "local" | "upstream" = "upstream"): void {
    this.broken({ ...bodyBroken(), origin });
  }
  protected goOn(): void {}
  protected stop(): void {}
}

function bench(trip: Trip) {
  const clock = virtualClock();
  const mock = mockService<string, HttpResponse>();
  const layered = circuitBreaker({ trip, openMs: 1_000, clock, random: () => 1 })(mock.service);
  return {
    clock,
    phase: () => layered.describe().state?.["phase"],
    async answer(): Promise<Flowing> {
      void layered.call("a");
      const body = new Flowing();
      (await mock.next()).answer({ ...httpResponse(200), body });
      await settled();
      return body;
    },
  };
}

describe("a response whose body breaks", () => {
  test("counts as a consecutive failure (defect: counted as a success)", async () => {
    const { phase, answer } = bench(consecutiveFailures(5));
    for (let n = 0; n < 5; n++) {
      expect(phase()).toBe("closed");
      (await answer()).break();
    }
    expect(phase()).toBe("open");
  });

  test("lowers the success rate (defect: counted as a success)", async () => {
    const { phase, answer } = bench(successRate());
    for (let n = 0; n < 6; n++) {
      const body = await answer();
      if (n % 2 === 0) body.end();
      else body.break();
      body.pipe({ write: () => true, end() {}, fail() {} });
    }
    expect(phase()).toBe("open");
  });

  test("does not count if this side broke it", async () => {
    const { phase, answer } = bench(consecutiveFailures(1));
    (await answer()).break("local");
    expect(phase()).toBe("closed");
  });

  test("counts as a success if the client cancelled it", async () => {
    const { phase, answer } = bench(consecutiveFailures(2));
    (await answer()).break();
    (await answer()).cancel();
    (await answer()).break();
    expect(phase()).toBe("closed");
  });

  test("reopens a half-open breaker", async () => {
    const { clock, phase, answer } = bench(consecutiveFailures(1));
    (await answer()).break();
    await clock.advance(1_000);
    const probe = await answer();
    expect(phase()).toBe("half-open");
    probe.break();
    expect(phase()).toBe("open");
    await clock.advance(2_000);
    const other = await answer();
    other.pipe({ write: () => true, end() {}, fail() {} });
    other.end();
    expect(phase()).toBe("closed");
  });
});

test("a response with a complete body counts at once", async () => {
  const clock = virtualClock();
  const mock = mockService<string, HttpResponse>();
  const layered = circuitBreaker({ trip: consecutiveFailures(1), openMs: 1_000, clock, random: () => 1 })(
    mock.service,
  );
  void layered.call("a");
  (await mock.next()).answer(httpResponse(500, "no"));
  await clock.advance(1_000);
  void layered.call("a");
  (await mock.next()).answer(httpResponse(200, "yes"));
  await settled();
  expect(layered.describe().state?.["phase"]).toBe("closed");
});
