import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import type { Environment } from "../config/environment.ts";

/** The outside world of a command. */
export interface CommandIo {
  readonly env: Environment;
  stdout(text: string): void;
  stderr(text: string): void;
}

/** A command of the program: runs it and returns the exit code. */
export interface Command {
  /** `run [-c FILE]` */
  readonly usage: string;
  /** What it does, in a line or two. */
  readonly about: string;
  run(args: readonly string[], io: CommandIo): Promise<number>;
}

/** Exit code for invalid arguments or an invalid configuration. */
export const usageError = 2;

/** Parses a command's arguments; returns a message if they are invalid. */
export function parsed<const O extends ParseArgsOptionsConfig>(args: readonly string[], options: O) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    // Node appends advice that does not apply to these options.
    const [message = ""] = (error as Error).message.split(". ", 1);
    return `${message.slice(0, 1).toLowerCase()}${message.slice(1)}`;
  }
}
