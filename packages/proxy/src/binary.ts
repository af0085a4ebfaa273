// What the single executable runs: see scripts/binary.ts.

/** Put in where the executable is made. */
declare const pagodaVersion: string;

/** The first argument of a worker process: there is no file that it could be told to run. */
const workerFlag = "--pagoda-worker";

async function begin([first, ...rest]: readonly string[]): Promise<void> {
  // Each process loads what it needs, and no more.
  if (first === workerFlag) {
    const { workerArguments } = await import("./control/protocol.ts");
    const { runWorker } = await import("./control/worker.ts");
    return runWorker(workerArguments(rest));
  }
  const { main } = await import("./commands/main.ts");
  const program = { version: pagodaVersion, code: { args: [workerFlag] } };
  const exitCode = await main(process.argv.slice(2), program);
  // oxlint-disable-next-line unicorn/no-process-exit -- all is written
  process.exit(exitCode);
}

void begin(process.argv.slice(2));
