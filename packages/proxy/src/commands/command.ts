import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import type { Environment } from "../config/environment.ts";

/** What a command has of the world. */
export interface CommandIo {
  readonly env: Environment;
  stdout(text: string): void;
  stderr(text: string): void;
}

/** What the program can do: it runs, and gives the exit code. */
export interface Command {
  /** `run [-c FILE]` */
  readonly usage: string;
  /** What it does, in a line or two. */
  readonly about: string;
  run(args: readonly string[], io: CommandIo): Promise<number>;
}

/** Exit code of a program that was called or configured wrongly. */
export const usageError = 2;

/** Reads a command's arguments; a text says what is wrong with them. */
export function parsed<const O extends ParseArgsOptionsConfig>(args: readonly string[], options: O) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    return (error as Error).message;
  }
}
