// Promises that a layer adds to a call: of all that a call costs, the number that can be counted exactly.
import { promiseHooks } from "node:v8";
import { expect, test } from "vitest";
import { layers } from "../micro/layers.ts";
import type { Subject } from "../micro/subject.ts";

/** At most; where nothing is said, none. */
const most: Readonly<Record<string, number>> = {
  "access-log, level above the call's": 1,
  "balance over two endpoints": 1,
  "cache, response that is not stored": 4,
  "cache, stored response": 1,
  "circuit-breaker": 1,
  "coalesce, first call of a key": 2,
  "compress, response that stays as it is": 1,
  "concurrency-limit, fixed": 1,
  "concurrency-limit, gradient2": 1,
  "cors, request without Origin": 1,
  "decompress, response without a coding": 1,
  "ext-authz, server that allows": 10,
  fallback: 1,
  "follow-redirects, no redirect": 1,
  forwarded: 1,
  hedge: 1,
  // Most of them are those of `jose` and of the platform.
  "jwt, token to verify": 36,
  metrics: 1,
  "metrics by route": 1,
  "request-id": 1,
  respond: 1,
  "response-body-limit, known length": 1,
  retry: 1,
  "status-errors, successful response": 1,
  timeout: 2,
};

const [leaf, ...each] = layers.subjects as readonly [Subject, ...Subject[]];

test.each(each)("promises of $what", async (subject) => {
  const [name = ""] = subject.what.split(":");
  const added = (await promisesOf(subject)) - (await promisesOf(leaf));
  expect(added).toBeLessThanOrEqual(most[name] ?? 0);
});

test("every bound is of a layer", () => {
  const names = new Set(each.map(({ what }) => what.split(":")[0]));
  expect(Object.keys(most).filter((name) => !names.has(name))).toEqual([]);
});

/** The fewest of several calls: the first may prepare something, and one of a hundred is mirrored. */
async function promisesOf({ prepare }: Subject): Promise<number> {
  const { run, end } = prepare();
  let promises = 0;
  let fewest = Infinity;
  try {
    for (let i = 0; i < 8; i++) {
      promises = 0;
      const stop = promiseHooks.onInit(() => promises++);
      try {
        await run();
      } finally {
        stop();
      }
      fewest = Math.min(fewest, promises);
    }
  } finally {
    end?.();
  }
  return fewest;
}
