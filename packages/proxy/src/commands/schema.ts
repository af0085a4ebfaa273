import { jsonSchema } from "../config/json-schema.ts";
import { type Command, usageError } from "./command.ts";

/** `pagoda schema`: the JSON Schema of the configuration, for editors. */
export const schema: Command = {
  usage: "schema",
  about: "Prints the JSON Schema of the configuration, for editors.",
  run(args, io) {
    if (args.length > 0) {
      io.stderr(`pagoda schema: unknown argument "${args[0]}"; see pagoda --help\n`);
      return Promise.resolve(usageError);
    }
    io.stdout(`${JSON.stringify(jsonSchema(), undefined, 2)}\n`);
    return Promise.resolve(0);
  },
};
