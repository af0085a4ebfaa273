import { isatty } from "node:tty";
import { pino, type Logger } from "pino";
import { prettyFactory } from "pino-pretty";
import type { LogOutput } from "./log-output.ts";

const stdout = 1;

/** A logger that writes JSON lines, or readable ones if standard output is a terminal. */
export function createLogger(level: string, output: LogOutput): Logger {
  const logger = pino({ level }, isatty(stdout) ? readable(output) : output);
  output.onRecovered = (dropped) => logger.warn({ dropped }, "log lines dropped: they could not be written");
  return logger;
}

function readable(output: LogOutput): { write(line: string): void } {
  const format = prettyFactory({ colorize: true, ignore: "pid,hostname" });
  return { write: (line) => output.write(format(line)) };
}
