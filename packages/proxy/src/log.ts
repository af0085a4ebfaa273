import { pino, type Logger } from "pino";
import pretty from "pino-pretty";
import type { Config } from "./config.ts";

const stdout = 1;

/** Where the program writes what happened: JSON lines on standard output, or readable ones on a terminal. */
export function createLogger(level: Config["logLevel"]): Logger {
  // Written at once: the last lines before an exit are the ones that are needed.
  const sync = true;
  return process.stdout.isTTY
    ? pino({ level }, pretty({ sync, destination: stdout, ignore: "pid,hostname" }))
    : pino({ level }, pino.destination({ sync, dest: stdout }));
}
