// What the single executable runs in its main thread: see scripts/binary.ts.
import { getAsset } from "node:sea";
import { main } from "./commands/main.ts";

/** Put in where the executable is made. */
declare const pagodaVersion: string;

// There is no file for the threads: they get the text of their program.
const code = { code: getAsset("worker", "utf8"), options: { eval: true } };
void main(process.argv.slice(2), { version: pagodaVersion, code }).then((exitCode) => {
  // oxlint-disable-next-line unicorn/no-process-exit -- all is written
  process.exit(exitCode);
});
