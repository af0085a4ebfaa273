import { isLeft } from "@pagoda/core";
import { adminAddress } from "../config/load.ts";
import { type Command, parsed, usageError } from "./command.ts";

const timeoutMs = 5_000;

/**
 * `pagoda healthcheck`: asks the program running with this configuration whether it is ready, for
 * the health check of a container.
 */
export const healthcheck: Command = {
  usage: "healthcheck [-c FILE]",
  about: "Exits with 0 if the program running with this configuration is ready, otherwise with 1.",
  async run(args, io) {
    const flags = parsed(args, { config: { type: "string", short: "c" } });
    if (typeof flags === "string" || flags.positionals.length > 0) {
      io.stderr(
        `pagoda healthcheck: ${typeof flags === "string" ? flags : `unknown argument "${flags.positionals[0]}"`}; see pagoda --help\n`,
      );
      return usageError;
    }
    const address = adminAddress({ file: flags.values.config, env: io.env });
    if (isLeft(address)) {
      for (const problem of address.left) io.stderr(`${problem}\n`);
      return usageError;
    }
    const { host, port } = address.right;
    // A wildcard address is reachable on loopback.
    const to =
      host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "[::1]" : host.includes(":") ? `[${host}]` : host;
    try {
      // Node's own: undici takes more than twice as long to load, and this runs every few seconds.
      const response = await fetch(`http://${to}:${port}/ready`, { signal: AbortSignal.timeout(timeoutMs) });
      io.stdout(await response.text());
      return response.ok ? 0 : 1;
    } catch (error) {
      io.stderr(`http://${to}:${port}/ready: ${String((error as Error).cause ?? error)}\n`);
      return 1;
    }
  },
};
