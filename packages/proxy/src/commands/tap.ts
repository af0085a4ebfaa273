import { isLeft } from "@pagoda/core";
import { adminOf, unreachable } from "./admin-client.ts";
import { type Command, type CommandIo, parsed, usageError } from "./command.ts";

const options = {
  config: { type: "string", short: "c" },
  admin: { type: "string" },
  reason: { type: "string" },
  route: { type: "string" },
  cluster: { type: "string" },
  status: { type: "string" },
  endpoint: { type: "string" },
  "max-rps": { type: "string" },
  json: { type: "boolean" },
  count: { type: "string", short: "n" },
} as const;

/** `pagoda tap`: shows requests as they end. */
export const tap: Command = {
  usage:
    "tap [-c FILE | --admin URL] [--route NAME] [--cluster NAME] [--status 5xx] [--endpoint URL] [--reason failed|refused|slow|recovered] [--max-rps 100] [-n COUNT] [--json]",
  about: "Shows requests that match as they end, until it is interrupted or has shown COUNT of them.",
  async run(args, io) {
    const flags = parsed(args, options);
    if (typeof flags === "string") return wrong(io, flags);
    const { config, admin, json = false, count, ...filters } = flags.values;
    const [unexpected] = flags.positionals;
    if (unexpected !== undefined) return wrong(io, `unknown argument "${unexpected}"`);
    if (count !== undefined && !/^[1-9]\d*$/.test(count))
      return wrong(io, `-n must be an integer of at least 1 (got "${count}")`);
    const base = adminOf({ file: config, env: io.env, url: admin });
    if (isLeft(base)) {
      for (const problem of base.left) io.stderr(`pagoda tap: ${problem}\n`);
      return usageError;
    }
    const url = `${base.right}/tap?${new URLSearchParams(filters).toString()}`;
    return follow(url, json, count === undefined ? Infinity : Number(count), io);
  },
};

function wrong(io: CommandIo, message: string): number {
  io.stderr(`pagoda tap: ${message}; see pagoda --help\n`);
  return usageError;
}

async function follow(url: string, isJson: boolean, count: number, io: CommandIo): Promise<number> {
  const ending = new AbortController();
  const accept = isJson ? "application/json" : "text/plain";
  try {
    const response = await fetch(url, { headers: { accept }, signal: ending.signal });
    if (!response.ok || response.body === null) {
      io.stderr(await response.text());
      return 1;
    }
    let shown = 0;
    let rest = "";
    for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + piece).split("\n");
      rest = lines.pop() as string;
      for (const line of lines) {
        if (line === "") continue;
        io.stdout(`${line}\n`);
        if (++shown >= count) return 0;
      }
    }
    io.stderr("pagoda tap: the proxy closed the connection\n");
    return 1;
  } catch (error) {
    io.stderr(unreachable(url, error));
    return 1;
  } finally {
    ending.abort();
  }
}
