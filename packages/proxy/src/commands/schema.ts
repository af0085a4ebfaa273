import { jsonSchema } from "../config/json-schema.ts";
import { isLeft, right } from "@pagoda/core";
import { policiesOf } from "../config/load.ts";
import { builtInPolicies } from "../policies/registry.ts";
import { type Command, type CommandIo, parsed, usageError } from "./command.ts";

/** `pagoda schema`: the JSON Schema of the configuration, for editors. */
export const schema: Command = {
  usage: "schema [-c FILE]",
  about:
    "Prints the JSON Schema of the configuration, for editors; with -c, of one with the plugins of FILE.",
  async run(args, io) {
    const flags = parsed(args, { config: { type: "string", short: "c" } });
    if (typeof flags === "string") return wrong(io, flags);
    const [unexpected] = flags.positionals;
    if (unexpected !== undefined) return wrong(io, `unknown argument "${unexpected}"`);
    const { config } = flags.values;
    const policies = config === undefined ? right(builtInPolicies) : await policiesOf(config);
    if (isLeft(policies)) {
      for (const problem of policies.left) io.stderr(`${problem}\n`);
      return usageError;
    }
    io.stdout(`${JSON.stringify(jsonSchema(policies.right), undefined, 2)}\n`);
    return 0;
  },
};

function wrong(io: CommandIo, message: string): number {
  io.stderr(`pagoda schema: ${message}; see pagoda --help\n`);
  return usageError;
}
