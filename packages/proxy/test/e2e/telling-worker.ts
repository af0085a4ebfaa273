// A worker process that writes the names of the files that it gets to its standard error.
import type { ToWorker, WorkerMethods } from "../../src/control/protocol.ts";
import { runWorker } from "../../src/worker.ts";

process.on("message", (message: ToWorker) => {
  if (message.kind !== "request" || message.method !== "apply") return;
  const [{ resolved }] = message.args as Parameters<WorkerMethods["apply"]>;
  process.stderr.write(`files: ${[...resolved.files.keys()].join(" ")}\n`);
});
runWorker();
