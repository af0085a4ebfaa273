import type { WorkerCode } from "../control/worker-process.ts";
import type { Command, CommandIo } from "./command.ts";
import { check } from "./check.ts";
import { explain } from "./explain.ts";
import { hashPassword } from "./hash-password.ts";
import { healthcheck } from "./healthcheck.ts";
import { help } from "./help.ts";
import { runCommand } from "./run.ts";
import { init } from "./init.ts";
import { schema } from "./schema.ts";
import { simulate } from "./simulate.ts";
import { tap } from "./tap.ts";
import { top } from "./top.ts";
import { why } from "./why.ts";
import { CommandOutput } from "./command-output.ts";

export interface Program {
  readonly version: string;
  /** How to start a worker process. Default: from the source module. */
  readonly code?: WorkerCode;
  /** The arguments with which this executable runs this program. Default: none. */
  readonly self?: readonly string[];
}

/**
 * Runs the program: selects a command, `run` by default. All of its output is written when it
 * returns the exit code.
 */
export async function main(args: readonly string[], program: Program): Promise<number> {
  const stdout = new CommandOutput(process.stdout);
  const stderr = new CommandOutput(process.stderr);
  const code = await chosen(args, program, {
    env: process.env,
    stdout: (text) => stdout.write(text),
    stderr: (text) => stderr.write(text),
  });
  const unwritten = await stdout.end();
  if (unwritten !== undefined)
    stderr.write(`pagoda: cannot write to standard output: ${unwritten.message}\n`);
  await stderr.end();
  return code === 0 && unwritten !== undefined ? 1 : code;
}

async function chosen(
  args: readonly string[],
  { version, code, self = [] }: Program,
  io: CommandIo,
): Promise<number> {
  const commands: Readonly<Record<string, Command>> = {
    run: runCommand({ code, argv: [...process.execArgv, ...self, ...args], version }),
    init,
    check,
    explain,
    simulate,
    schema,
    "hash-password": hashPassword(() => process.stdin),
    healthcheck,
    why,
    tap,
    top,
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
