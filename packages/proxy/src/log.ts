import { isatty } from "node:tty";
import { pino, type Logger } from "pino";
import pretty from "pino-pretty";

const stdout = 1;

/** Where each thread of the program writes what happened: JSON lines on standard output, or readable ones on a terminal. */
export function createLogger(level: string): Logger {
  // Written at once: the last lines before an exit are the ones that are needed.
  const sync = true;
  return isatty(stdout)
    ? pino({ level }, pretty({ sync, destination: stdout, ignore: "pid,hostname" }))
    : pino({ level }, pino.destination({ sync, dest: stdout }));
}
