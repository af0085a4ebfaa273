// A thread that takes from a shared limit as fast as it can, and counts in memory that the test sees.
import { parentPort, workerData } from "node:worker_threads";
import { machineNow } from "@pagoda/core";
import { type Rates, sharedStore } from "@pagoda/rate-limit";

const { memory, rates, keys, counts, at, forMs } = workerData as {
  readonly memory: SharedArrayBuffer;
  readonly rates: Rates;
  readonly keys: readonly string[];
  readonly counts: SharedArrayBuffer;
  readonly at: number;
  readonly forMs: number;
};
const store = sharedStore(memory)(rates);
const admitted = new Int32Array(counts);
parentPort?.postMessage("at work");
const until = machineNow() + forMs;
for (let turn = 0; machineNow() < until; turn++)
  if (store.take(keys[turn % keys.length], performance.now()) === undefined) Atomics.add(admitted, at, 1);
