import { command } from "../command.ts";
import { exited, type Step } from "./outcome.ts";

export const types: Step = {
  name: "types",
  async run() {
    return [exited("tsc", await command("tsc", ["-p", "tsconfig.json", "--pretty", "false"]))];
  },
};
