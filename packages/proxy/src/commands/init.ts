import { writeFileSync } from "node:fs";
import { type Either, isLeft, left, right } from "@pagoda/core";
import { originOf, validOrigin } from "../config/address.ts";
import { configurationFor, type Upstream } from "./initial-configuration.ts";
import { type Command, type CommandIo, parsed, usageError } from "./command.ts";

/** `pagoda init`: writes a first configuration, and never over another one. */
export const init: Command = {
  usage: "init [-o FILE] [NAME=]UPSTREAM ...",
  about:
    "Writes a commented configuration for these origins, which share a cluster if they have the same name, to pagoda.yaml; - prints it.",
  async run(args, io) {
    const flags = parsed(args, { output: { type: "string", short: "o", default: "pagoda.yaml" } });
    if (typeof flags === "string") return wrong(io, flags);
    const upstreams = upstreamsOf(flags.positionals);
    if (isLeft(upstreams)) return wrong(io, upstreams.left);
    const { output } = flags.values;
    const text = configurationFor(upstreams.right);
    if (output === "-") {
      io.stdout(text);
      return 0;
    }
    try {
      writeFileSync(output, text, { flag: "wx" });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      io.stderr(
        `pagoda init: ${output} ${code === "EEXIST" ? "already exists" : `cannot be written: ${code}`}\n`,
      );
      return 1;
    }
    io.stdout(`wrote ${output}; start it with: pagoda run -c ${output}\n`);
    return 0;
  },
};

function wrong(io: CommandIo, message: string): number {
  io.stderr(`pagoda init: ${message}; see pagoda --help\n`);
  return usageError;
}

function upstreamsOf(args: readonly string[]): Either<string, readonly Upstream[]> {
  if (args.length === 0)
    return left("needs the origins of at least one upstream, such as http://127.0.0.1:8080");
  const upstreams = new Map<string, string[]>();
  for (const arg of args) {
    const [, name = "app", url = ""] = /^(?:([a-z\d][\w-]{0,99})=)?(.*)$/i.exec(arg) ?? [];
    const origin = originOf(url);
    if (origin === undefined) return left(`upstream must be ${validOrigin}, or NAME=… (got "${arg}")`);
    const origins = upstreams.get(name) ?? [];
    if (origins.includes(origin)) return left(`upstream must not be repeated (got "${arg}")`);
    upstreams.set(name, [...origins, origin]);
  }
  return right([...upstreams].map(([name, origins]) => ({ name, origins })));
}
