import { type DefineTest, limited, type ServiceConformanceOptions } from "@pagoda/core/testing";
import { ClientBench, type MakeClient } from "./client-bench.ts";
import { connectionRules } from "./connection-rules.ts";
import { differences } from "./differences.ts";
import { endingRules } from "./ending-rules.ts";
import { faultRules } from "./fault-rules.ts";
import { http2Rules } from "./http2-rules.ts";
import { randomRules } from "./random-rules.ts";
import { requestRules } from "./request-rules.ts";
import { responseRules } from "./response-rules.ts";

const rules = [
  ...requestRules,
  ...responseRules,
  ...faultRules,
  ...endingRules,
  ...connectionRules,
  ...http2Rules,
  ...randomRules,
];

/**
 * Checks what a stack relies on in every HTTP client, over real sockets: framing, faults and their
 * fields, aborts, backpressure, connections. Run `clientConformance` as well.
 *
 * @example clientContract(test, (url) => {
 *   const service = transport(url);
 *   return { service, close: () => service.close() };
 * });
 *
 * @param makeClient Makes a new client for each rule, or several.
 */
export function clientContract(
  test: DefineTest,
  makeClient: MakeClient,
  { limitMs = 15_000 }: ServiceConformanceOptions = {},
): void {
  for (const { name, run } of rules) {
    const rule = `client contract: ${name}`;
    test(rule, () => limited(rule, limitMs, () => onBench(makeClient, run)));
  }
}

/** Returns what a client does where clients may differ, by behaviour. */
export async function observeClient(makeClient: MakeClient): Promise<Readonly<Record<string, string>>> {
  const observed: Record<string, string> = {};
  for (const { behaviour, observe } of differences)
    await limited(behaviour, 15_000, async () => {
      observed[behaviour] = await onBench(makeClient, observe);
    });
  return observed;
}

async function onBench<T>(makeClient: MakeClient, run: (bench: ClientBench) => Promise<T>): Promise<T> {
  const bench = new ClientBench(makeClient);
  try {
    return await run(bench);
  } finally {
    await bench.close();
  }
}
