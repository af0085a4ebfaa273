import { z } from "zod";
import { builtInPolicies, type PolicyRegistry } from "../policies/registry.ts";
import { configSchema } from "./schema/config.ts";

/**
 * The JSON Schema of the configuration file.
 *
 * @param policies Default: the built-in ones.
 */
export function jsonSchema(policies: PolicyRegistry = builtInPolicies): object {
  return {
    title: "pagoda",
    ...z.toJSONSchema(configSchema(policies), { io: "input", unrepresentable: "any" }),
  };
}
