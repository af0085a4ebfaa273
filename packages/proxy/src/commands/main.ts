import type { WorkerCode } from "../control/thread.ts";
import type { Command, CommandIo } from "./command.ts";
import { check } from "./check.ts";
import { explain } from "./explain.ts";
import { healthcheck } from "./healthcheck.ts";
import { help } from "./help.ts";
import { runCommand } from "./run.ts";
import { schema } from "./schema.ts";

export interface Program {
  readonly version: string;
  /** What runs in the threads, where it is not the module that the sources have for it. */
  readonly code?: WorkerCode;
}

/** The program: chooses a command. `run` is meant where none is named. */
export async function main(args: readonly string[], { version, code }: Program): Promise<number> {
  const io: CommandIo = {
    env: process.env,
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
  };
  const commands: Readonly<Record<string, Command>> = {
    run: runCommand(code),
    check,
    explain,
    schema,
    healthcheck,
  };
  if (args.includes("--help") || args.includes("-h")) {
    io.stdout(help(Object.values(commands)));
    return 0;
  }
  if (args.includes("--version")) {
    io.stdout(`${version}\n`);
    return 0;
  }
  const [name = "run", ...rest] = args;
  return Object.hasOwn(commands, name)
    ? (commands[name] as Command).run(rest, io)
    : (commands["run"] as Command).run(args, io);
}
