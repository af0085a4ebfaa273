import { isLeft } from "@pagoda/core";
import { type Loaded, loadConfig } from "../config/load.ts";
import { builtInPolicies } from "../policies/registry.ts";
import { type Command, type CommandIo, parsed, usageError } from "./command.ts";

/** `pagoda check`: validates a configuration. Warnings do not make it fail. */
export const check: Command = {
  usage: "check [-c FILE]",
  about: "Validates a configuration and lists every problem with line and column.",
  async run(args, io) {
    const flags = parsed(args, { config: { type: "string", short: "c" } });
    if (typeof flags === "string") return wrong(io, flags);
    const [unexpected] = flags.positionals;
    if (unexpected !== undefined) return wrong(io, `unknown argument "${unexpected}"`);
    const loaded = await loadConfig({ file: flags.values.config, env: io.env, endpointFiles: true });
    if (isLeft(loaded)) {
      for (const problem of loaded.left) io.stderr(`${problem}\n`);
      return usageError;
    }
    const { warnings, advice } = loaded.right;
    for (const warning of [...warnings, ...advice]) io.stderr(`warning: ${warning}\n`);
    io.stdout(`${summary(loaded.right)}\n`);
    return 0;
  },
};

function wrong(io: CommandIo, message: string): number {
  io.stderr(`pagoda check: ${message}; see pagoda --help\n`);
  return usageError;
}

function summary({ config: { listeners, clusters }, file, policies }: Loaded): string {
  const routes = listeners.reduce((sum, listener) => sum + listener.routes.length, 0);
  const parts = [
    counted(listeners.length, "listener"),
    counted(routes, "route"),
    counted(Object.keys(clusters).length, "cluster"),
  ];
  const builtIn: ReadonlySet<unknown> = new Set(builtInPolicies.all);
  const own = policies.all.filter((policy) => !builtIn.has(policy)).map(({ name }) => name);
  if (own.length > 0) parts.push(`plugins: ${own.join(", ")}`);
  return `${file === undefined ? "valid (no file)" : "valid"}: ${parts.join(", ")}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
