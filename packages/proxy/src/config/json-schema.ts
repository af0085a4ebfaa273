import { z } from "zod";
import { config } from "./schema/config.ts";

/** The JSON Schema of the configuration file. */
export function jsonSchema(): object {
  return { title: "pagoda", ...z.toJSONSchema(config, { io: "input", unrepresentable: "any" }) };
}
