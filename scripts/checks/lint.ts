import { command } from "../command.ts";
import { exited, type Step } from "./outcome.ts";

export const lint: Step = {
  name: "lint",
  async run(only) {
    const result = await command("oxlint", ["--deny-warnings", only?.folder ?? "."]);
    return [exited("oxlint", result)];
  },
};
