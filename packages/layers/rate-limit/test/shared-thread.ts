// A thread that takes from a shared limit as fast as it can and counts in memory shared with the test. Time is shared,
// too, and advances with each call, so that results do not depend on how busy the machine is.
import { parentPort, workerData } from "node:worker_threads";
import { type Rates, sharedStore } from "@pagoda/rate-limit";

export interface Shared {
  readonly memory: SharedArrayBuffer;
  readonly rates: Rates;
  readonly keys: readonly string[];
  /** Calls admitted to each thread. */
  readonly admitted: Int32Array;
  /** Total number of calls. */
  readonly calls: Int32Array;
  readonly callsPerMs: number;
  /** 1 if threads may end once `forMs` has passed. */
  readonly mayEnd: Int32Array;
  readonly forMs: number;
}

const { at, memory, rates, keys, admitted, calls, callsPerMs, mayEnd, forMs } = workerData as Shared & {
  readonly at: number;
};
const epoch = new Float64Array(memory, 16, 1)[0] as number;
let now = 0;
const store = sharedStore(memory, { sharedNow: () => epoch + now })(rates);
parentPort?.postMessage("at work");
for (let turn = 0; ; turn++) {
  now = Atomics.add(calls, 0, 1) / callsPerMs;
  // Each thread must be admitted something, however late it started.
  if (now >= forMs && Atomics.load(mayEnd, 0) === 1 && Atomics.load(admitted, at) > 0) break;
  if (store.take(keys[turn % keys.length], now) === undefined) Atomics.add(admitted, at, 1);
}
