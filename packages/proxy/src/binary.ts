// What the single executable runs, in its main thread as in its workers: see scripts/binary.ts.
import { getAsset } from "node:sea";
import { isMainThread } from "node:worker_threads";
import { main } from "./commands/main.ts";
import { runWorker } from "./control/worker.ts";

/** Put in where the executable is made. */
declare const pagodaVersion: string;

if (isMainThread) {
  // There is no file for the threads: they get the text of this very program.
  const code = { code: getAsset("program", "utf8"), options: { eval: true } };
  void main(process.argv.slice(2), { version: pagodaVersion, code }).then((exitCode) =>
    process.exit(exitCode),
  );
} else runWorker();
