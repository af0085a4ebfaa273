// What runs in a worker thread.
import { runWorker } from "./worker.ts";

runWorker();
