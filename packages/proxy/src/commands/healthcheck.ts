import { isLeft } from "@pagoda/core";
import { adminUrl, unreachable } from "./admin-client.ts";
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
    const admin = adminUrl({ file: flags.values.config, env: io.env });
    if (isLeft(admin)) {
      for (const problem of admin.left) io.stderr(`${problem}\n`);
      return usageError;
    }
    const url = `${admin.right}/ready`;
    try {
      // Node's own: undici takes more than twice as long to load, and this runs every few seconds.
      const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
      io.stdout(await response.text());
      return response.ok ? 0 : 1;
    } catch (error) {
      io.stderr(unreachable(url, error));
      return 1;
    }
  },
};
