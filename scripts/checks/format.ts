import { command } from "../command.ts";
import { exited, type Step } from "./outcome.ts";

export const format: Step = {
  name: "format",
  async run(only) {
    const result = await command("oxfmt", ["--check", only?.folder ?? "."]);
    return [exited("oxfmt --check (npm run format writes it)", result)];
  },
};
