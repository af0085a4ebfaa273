import { isLeft } from "fp-ts/lib/Either.js";
import { adminAddress } from "../config/load.ts";
import { type Command, parsed, usageError } from "./command.ts";

const timeoutMs = 5_000;

/**
 * `pagoda healthcheck`: asks the program that runs with this configuration whether it is ready; for
 * containers.
 */
export const healthcheck: Command = {
  usage: "healthcheck [-c FILE]",
  about: "Asks the program that runs with this configuration whether it is ready: exit code 0, or 1.",
  async run(args, io) {
    const flags = parsed(args, { config: { type: "string", short: "c" } });
    if (typeof flags === "string" || flags.positionals.length > 0) {
      io.stderr(`pagoda healthcheck: ${typeof flags === "string" ? flags : "takes no arguments"}\n`);
      return usageError;
    }
    const address = adminAddress({ file: flags.values.config, env: io.env });
    if (isLeft(address)) {
      for (const problem of address.left) io.stderr(`${problem}\n`);
      return usageError;
    }
    const { host, port } = address.right;
    // An endpoint that listens on all addresses is reached on this one.
    const to =
      host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "[::1]" : host.includes(":") ? `[${host}]` : host;
    try {
      const response = await fetch(`http://${to}:${port}/ready`, { signal: AbortSignal.timeout(timeoutMs) });
      io.stdout(await response.text());
      return response.ok ? 0 : 1;
    } catch (error) {
      io.stderr(`http://${to}:${port}/ready: ${String((error as Error).cause ?? error)}\n`);
      return 1;
    }
  },
};
