// The entry point of a worker process.
import { workerArguments } from "./protocol.ts";
import { runWorker } from "./worker.ts";

runWorker(workerArguments(process.argv.slice(2)));
