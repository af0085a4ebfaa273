// Loaded into the program before its own modules, it makes a worker thread fail when the test says so: there is no honest
// way to do that from outside. The main thread hears of it by signals, the threads through a channel.
import { BroadcastChannel, isMainThread, workerData } from "node:worker_threads";

const channel = new BroadcastChannel("sabotage");

if (isMainThread) {
  channel.unref();
  process.on("SIGUSR2", () => channel.postMessage("error"));
  process.on("SIGWINCH", () => channel.postMessage("memory"));
} else if ((workerData as { readonly worker: number }).worker === 0) {
  channel.addEventListener("message", (event) => {
    const { data } = event as unknown as { readonly data: unknown };
    if (data === "memory") fill();
    queueMicrotask(() => {
      throw new Error("sabotage");
    });
  });
  channel.unref();
}

function fill(): void {
  const kept: unknown[] = [];
  for (;;) kept.push(Array.from({ length: 1_000 }, () => ({})));
}
