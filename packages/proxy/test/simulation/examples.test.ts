import { readFileSync } from "node:fs";
import { isLeft } from "@pagoda/core";
import { parse } from "yaml";
import { expect, test } from "vitest";
import { readConfig } from "../../src/config/read.ts";
import { unmet } from "../../src/simulation/report/measurements.ts";
import { simulated } from "./simulated.ts";

const folder = new URL("../../examples/simulate/", import.meta.url);
const textOf = (path: string): string => readFileSync(new URL(path, folder), "utf8");

/** The simulation of an example with the seed that `pagoda simulate` uses by default. */
async function ran(example: string, config: string) {
  const text = textOf(`${example}/${config}.yaml`);
  expect(text).toMatch(/^# yaml-language-server: \$schema=\.\.\/\.\.\/\.\.\/pagoda\.schema\.json\n/);
  expect(isLeft(readConfig(text))).toBe(false);
  const simulation = await simulated(
    parse(text) as object,
    parse(textOf(`${example}/scenario.yaml`)) as object,
  );
  return { ...simulation, unmet: unmet(simulation.read.scenario.expect, simulation) };
}

test("a retry storm ends with a budget, and does not without", async () => {
  const budget = await ran("retry-storm", "budget");
  const none = await ran("retry-storm", "no-budget");
  expect(budget.unmet).toEqual([]);
  expect(none.success).toBeLessThan(0.25);
  expect(none.amplification).toBeGreaterThan(3);
  // At the end one answers everything, the other nothing.
  const last = ({ series }: typeof none): number =>
    (series.succeeded.at(-2) ?? 0) / (series.sent.at(-2) ?? 1);
  expect(last(budget)).toBe(1);
  expect(last(none)).toBe(0);
});

test("a slow endpoint costs as much as linkerd found", async () => {
  const [roundRobin, leastRequest, peakEwma] = [
    await ran("slow-endpoint", "round-robin"),
    await ran("slow-endpoint", "least-request"),
    await ran("slow-endpoint", "peak-ewma"),
  ];
  expect(roundRobin.success).toBeCloseTo(0.955, 2);
  expect(leastRequest.success).toBeCloseTo(0.99, 2);
  expect(peakEwma.success).toBeGreaterThan(0.997);
  expect(peakEwma.unmet).toEqual([]);
});

test("with two of three zones lost, panic answers a third, and respecting health less", async () => {
  const panic = await ran("lost-zones", "panic");
  const none = await ran("lost-zones", "no-panic");
  expect(panic.unmet).toEqual([]);
  const share = ({ series }: typeof panic, from: number, to: number): number => {
    const sum = (counts: readonly number[]) => counts.slice(from, to).reduce((a, b) => a + b, 0);
    return sum(series.succeeded) / sum(series.sent);
  };
  const steps = (seconds: number) => (seconds * 1_000) / panic.series.stepMs;
  // With one zone lost, and found to be.
  expect(share(panic, steps(14), steps(20))).toBe(1);
  expect(share(none, steps(14), steps(20))).toBe(1);
  // With two.
  expect(share(panic, steps(35), steps(48))).toBeGreaterThan(0.3);
  expect(share(none, steps(35), steps(48))).toBeLessThan(share(panic, steps(35), steps(48)) - 0.05);
});

test("slow start spares an endpoint that is cold", async () => {
  const slowStart = await ran("cold-start", "slow-start");
  const fullShare = await ran("cold-start", "full-share");
  expect(slowStart.unmet).toEqual([]);
  expect(fullShare.latency?.p99).toBeGreaterThan(250);
  const relapses = ({ timeline }: typeof fullShare) =>
    timeline.filter(({ message, atMs }) => message === "endpoint is unhealthy" && atMs > 15_000).length;
  expect(relapses(slowStart)).toBe(0);
  expect(relapses(fullShare)).toBeGreaterThan(0);
});

test("hedging halves the tail for a little load", async () => {
  const hedge = await ran("hedging", "hedge");
  const plain = await ran("hedging", "plain");
  expect(hedge.unmet).toEqual([]);
  expect(hedge.latency?.p99).toBeLessThan(0.55 * (plain.latency?.p99 ?? 0));
  expect(hedge.latency?.p50).toBeCloseTo(plain.latency?.p50 ?? 0, 0);
});

test("a limit keeps an overloaded origin working", async () => {
  const limit = await ran("overload", "limit");
  const none = await ran("overload", "no-limit");
  expect(limit.unmet).toEqual([]);
  expect(none.success).toBeLessThan(0.5);
  expect(none.latency?.p99).toBeGreaterThan(900);
});
