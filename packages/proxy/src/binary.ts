// The entry point of the single executable: see scripts/binary.ts.

/** Replaced when the executable is built. */
declare const pagodaVersion: string;

/** The first argument of a worker process, since the executable has no separate file to run. */
const workerFlag = "--pagoda-worker";

async function begin([first, ...rest]: readonly string[]): Promise<void> {
  // Each process loads only what it needs.
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
