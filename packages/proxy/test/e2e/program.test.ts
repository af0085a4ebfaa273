import { createSocket } from "node:dgram";
import { once } from "node:events";
import { expect, test } from "vitest";
import { until } from "./program.ts";
import { quietPort } from "./quiet-port.ts";

let failure: AbortSignal;

test.fails("until ends with its test", { timeout: 200 }, async ({ signal }) => {
  failure = signal;
  let looks = 0;
  await until(
    async () => ({ looks: ++looks }),
    () => false,
  );
});

test("until adds the last value to the error", () => {
  expect((failure.reason as Error).message).toMatch(
    /timed out in 200ms[^]*\nThe last look saw \{"looks":\d+\}$/,
  );
});

test("a quiet port is given to one process", async () => {
  const port = await quietPort();
  const other = createSocket("udp4").bind(port, "127.0.0.1");
  await expect(once(other, "listening")).rejects.toThrow("EADDRINUSE");
});
