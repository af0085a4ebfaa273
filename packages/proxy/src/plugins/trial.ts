import { Worker } from "node:worker_threads";
import { type Clock, formatValue } from "@pagoda/core";
import { within } from "../within.ts";

/** Milliseconds that a plugin has to load. */
export const loadMs = 10_000;

/** @param error Anything: modules may throw what they like. */
export function failedText(error: unknown): string {
  const text = error instanceof Error ? String(error) : formatValue(error);
  return `failed to load: ${text.split("\n", 1)[0]}`;
}

export const tooLate = `must load within ${loadMs / 1_000} s`;

/** Runs in the thread: a single executable has no file for it. */
const code = `
const { parentPort, workerData } = require("node:worker_threads");
import(workerData).then(
  () => parentPort.postMessage(undefined),
  // Outside of the promise, so that it arrives unchanged.
  (error) => setImmediate(() => { throw error; }),
);
`;

/**
 * Loads a module in a thread, which is ended then: so a module can neither block nor end this
 * process.
 *
 * @returns What is wrong with it; undefined if it can be loaded.
 */
export async function tryToLoad(url: string, clock: Clock): Promise<string | undefined> {
  const thread = new Worker(code, { eval: true, workerData: url, stdout: true, stderr: true });
  const outcome = new Promise<string | undefined>((resolve) => {
    thread.once("message", resolve);
    thread.once("error", (error) => resolve(failedText(error)));
    thread.once("exit", (exitCode) => resolve(`must not end the process (got exit code ${exitCode})`));
  });
  const problem = await within(loadMs, outcome, clock);
  await thread.terminate();
  return problem === "late" ? tooLate : problem;
}
