import { z } from "zod";
import { referencePage } from "../../config/reference.ts";
import { scenarioSchema } from "./schema.ts";

/** The JSON Schema of the scenario file. */
export function scenarioJsonSchema(): object {
  return {
    title: "pagoda scenario",
    ...z.toJSONSchema(scenarioSchema, { io: "input", unrepresentable: "any" }),
  };
}

/** Generates the reference page of the scenario file from its schema. */
export function scenarioReference(): string {
  const head = [
    "# Scenario reference",
    "",
    "Generated from the schema by `npm run configuration`. The format is YAML or JSON; unknown fields are errors.",
    "[Try a configuration before it is real](../../docs/guides/simulate.md) explains how to use it.",
    "See the [examples](examples/simulate).",
  ];
  return referencePage(head, scenarioJsonSchema());
}
