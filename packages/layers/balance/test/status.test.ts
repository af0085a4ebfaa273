import { type HealthSource, right } from "@pagoda/core";
import { service } from "@pagoda/core";
import { virtualClock } from "@pagoda/core/testing";
import { expect, test } from "vitest";
import { balance, peakEwma } from "@pagoda/balance";
import { balancing } from "./balancing.ts";

test("status reports each endpoint, and why health sources consider it unhealthy", async () => {
  const sick: HealthSource = {
    name: "check",
    watch: ({ key }) => ({
      healthy: key !== "b",
      reason: key === "b" ? "refused" : undefined,
      state: () => ({ key }),
      close() {},
    }),
  };
  const clock = virtualClock();
  const balancer = balance({
    discovery: { endpoints: [{ key: "a" }, { key: "b" }, { key: "c" }], subscribe: () => () => {} },
    strategy: peakEwma(),
    health: [sick],
    connect: ({ key }) => service(key, async () => right(key)),
    clock,
  });
  expect(balancer.status()).toMatchObject({
    strategy: "peak-ewma",
    panicking: false,
    endpoints: [
      { key: "a", healthy: true, ready: true, pending: 0, share: 1, estimateMs: 30 },
      { key: "b", healthy: false, health: [{ source: "check", reason: "refused", state: { key: "b" } }] },
      { key: "c", healthy: true, health: [{ healthy: true, reason: undefined }] },
    ],
  });
  const call = balancer.call("a");
  expect(balancer.status().endpoints.map(({ pending }) => pending)).toContain(1);
  await call;
});

test("describes the first 1,000 endpoints, and its status has all", () => {
  const { balanced } = balancing(Array.from({ length: 1_200 }, (_, at) => `e${at}`));
  expect(balanced.describe().inner).toHaveLength(1_000);
  expect(balanced.describe().state).toMatchObject({ endpoints: 1_200, undescribed: 200 });
  expect(balanced.status().endpoints).toHaveLength(1_200);
});
