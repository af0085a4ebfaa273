// A thread that takes from a shared limit as fast as it can, and counts in memory that the test sees. Time is shared, too:
// it passes with each call, so that what is admitted does not depend on how busy the machine is.
import { parentPort, workerData } from "node:worker_threads";
import { type Rates, sharedStore } from "@pagoda/rate-limit";

export interface Shared {
  readonly memory: SharedArrayBuffer;
  readonly rates: Rates;
  readonly keys: readonly string[];
  /** What each thread was admitted. */
  readonly admitted: Int32Array;
  /** All calls so far. */
  readonly calls: Int32Array;
  readonly callsPerMs: number;
  /** 1: they may end, those that `forMs` is over for. */
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
  // Each has to be admitted something, however late it began.
  if (now >= forMs && Atomics.load(mayEnd, 0) === 1 && Atomics.load(admitted, at) > 0) break;
  if (store.take(keys[turn % keys.length], now) === undefined) Atomics.add(admitted, at, 1);
}
