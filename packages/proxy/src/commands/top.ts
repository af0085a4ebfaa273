import { isLeft, pause, systemClock } from "@pagoda/core";
import type { Figures } from "../recorder/call-record.ts";
import { figuresTable } from "../recorder/figures-table.ts";
import { adminOf, unreachable } from "./admin-client.ts";
import { type Command, type CommandIo, parsed, usageError } from "./command.ts";

const options = {
  config: { type: "string", short: "c" },
  admin: { type: "string" },
  once: { type: "boolean" },
} as const;

const everyMs = 1_000;
const timeoutMs = 10_000;
/** Moves the cursor to the top and clears the screen. */
const clear = "\u001B[H\u001B[2J";

/** `pagoda top`: shows rates, errors and latencies of routes and endpoints. */
export const top: Command = {
  usage: "top [-c FILE | --admin URL] [--once]",
  about:
    "Shows the rate, errors and latency of each route and endpoint in the last second, until it is interrupted; `--once`: one time.",
  async run(args, io) {
    const flags = parsed(args, options);
    if (typeof flags === "string") return wrong(io, flags);
    const { config, admin, once = false } = flags.values;
    const [unexpected] = flags.positionals;
    if (unexpected !== undefined) return wrong(io, `unknown argument "${unexpected}"`);
    const base = adminOf({ file: config, env: io.env, url: admin });
    if (isLeft(base)) {
      for (const problem of base.left) io.stderr(`pagoda top: ${problem}\n`);
      return usageError;
    }
    return watch(`${base.right}/top`, once, io);
  },
};

function wrong(io: CommandIo, message: string): number {
  io.stderr(`pagoda top: ${message}; see pagoda --help\n`);
  return usageError;
}

async function watch(url: string, once: boolean, io: CommandIo): Promise<number> {
  const isLive = !once && process.stdout.isTTY;
  let before = await read(url, io);
  while (before !== undefined) {
    await pause(systemClock, everyMs, undefined);
    const after = await read(url, io);
    if (after === undefined) return 1;
    io.stdout(`${isLive ? clear : ""}${figuresTable(before, after)}\n`);
    if (once) return 0;
    before = after;
  }
  return 1;
}

async function read(url: string, io: CommandIo): Promise<Figures | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    if (response.ok) return (await response.json()) as Figures;
    io.stderr(await response.text());
  } catch (error) {
    io.stderr(unreachable(url, error));
  }
  return undefined;
}
