import { isLeft, pause, Scope, systemClock } from "@pagoda/core";
import type { Figures } from "../recorder/call-record.ts";
import { figuresTable } from "../recorder/figures-table.ts";
import { adminOf, unreachable } from "./admin-client.ts";
import { type Command, type CommandIo, parsed, usageError } from "./command.ts";
import { Screen } from "./screen.ts";

const options = {
  config: { type: "string", short: "c" },
  admin: { type: "string" },
  once: { type: "boolean" },
} as const;

const everyMs = 1_000;
const timeoutMs = 10_000;

/** `pagoda top`: shows rates, errors and latencies of routes and endpoints. */
export const top: Command = {
  usage: "top [-c FILE | --admin URL] [--once]",
  about:
    "Shows the rate, errors and latency of each route and endpoint in the last second, on the whole terminal until q or Ctrl-C; `--once`: one time.",
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
  const first = await read(url);
  if (typeof first === "string") {
    io.stderr(first);
    return 1;
  }
  return !once && process.stdout.isTTY ? live(url, first) : print(url, first, once, io);
}

async function print(url: string, first: Figures, once: boolean, io: CommandIo): Promise<number> {
  for (let before = first; ;) {
    await pause(systemClock, everyMs, undefined);
    const after = await read(url);
    if (typeof after === "string") {
      io.stderr(after);
      return 1;
    }
    io.stdout(`${figuresTable(before, after)}\n`);
    if (once) return 0;
    before = after;
  }
}

/** Shows the figures on the whole terminal. A proxy that does not answer may be about to restart. */
async function live(url: string, first: Figures): Promise<number> {
  const screen = new Screen(process.stdin, process.stdout);
  const { signal } = screen;
  try {
    let before = first;
    let table = `pagoda top: ${new URL(url).origin}\n`;
    screen.show(table);
    for (;;) {
      await pause(systemClock, everyMs, signal);
      const after = await read(url, signal);
      if (signal.aborted) return screen.code;
      if (typeof after === "string") screen.show(`${after}trying again; q ends\n\n${table}`);
      else {
        table = figuresTable(before, after);
        screen.show(table);
        before = after;
      }
    }
  } finally {
    screen.close();
  }
}

/** The figures, or why there are none. */
async function read(url: string, ending?: AbortSignal): Promise<Figures | string> {
  const scope = new Scope(ending);
  const late = systemClock.setTimer(timeoutMs, () => scope.abort(new Error("no answer in time")));
  try {
    const response = await fetch(url, { signal: scope.signal });
    return response.ok ? ((await response.json()) as Figures) : await response.text();
  } catch (error) {
    return unreachable(url, error);
  } finally {
    systemClock.clearTimer(late);
    scope.end();
  }
}
