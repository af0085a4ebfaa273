import type { Endpoint } from "@pagoda/core";
import { expect, test } from "vitest";
import { reportedHealth } from "@pagoda/health";

interface Reported extends Endpoint {
  readonly status?: string;
}

class Discovered {
  endpoints: readonly Reported[];
  readonly subscribers = new Set<() => void>();

  constructor(...endpoints: readonly Reported[]) {
    this.endpoints = endpoints;
  }

  subscribe(changed: () => void): () => void {
    this.subscribers.add(changed);
    return () => this.subscribers.delete(changed);
  }

  set(...endpoints: readonly Reported[]): void {
    this.endpoints = endpoints;
    for (const changed of this.subscribers) changed();
  }
}

test("an endpoint is as healthy as its discovery reports", () => {
  const [up, down] = [{ key: "a" }, { key: "a", status: "DRAINING" }];
  const discovery = new Discovered(up, { key: "b", status: "UNHEALTHY" });
  const source = reportedHealth({ discovery, reason: ({ status }: Reported) => status });
  const changes: boolean[] = [];
  const watch = source.watch(up, () => changes.push(watch.healthy));
  const other = source.watch({ key: "b", status: "UNHEALTHY" }, () => {});
  expect([watch.healthy, watch.state()]).toEqual([true, {}]);
  expect([other.healthy, other.reason, other.state()]).toEqual([false, "UNHEALTHY", { reason: "UNHEALTHY" }]);
  discovery.set(down);
  expect([watch.healthy, watch.reason]).toEqual([false, "DRAINING"]);
  discovery.set({ key: "a", status: "TIMEOUT" });
  expect(watch.reason).toBe("TIMEOUT");
  discovery.set(up);
  expect(changes).toEqual([false, true]);
});

test("it subscribes only while it watches", () => {
  const discovery = new Discovered({ key: "a" });
  const source = reportedHealth({ discovery, reason: () => undefined });
  expect(discovery.subscribers.size).toBe(0);
  const watches = [source.watch({ key: "a" }, () => {}), source.watch({ key: "a" }, () => {})];
  expect(discovery.subscribers.size).toBe(1);
  watches[0]?.close();
  expect(discovery.subscribers.size).toBe(1);
  watches[1]?.close();
  expect(discovery.subscribers.size).toBe(0);
});
