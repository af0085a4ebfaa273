import { command } from "../command.ts";
import { exited, type Step } from "./outcome.ts";

/** Builds the API reference of all packages together, because they link to each other. */
export const reference: Step = {
  name: "reference",
  async run() {
    return [exited("TypeDoc", await command(process.execPath, ["docs/reference.ts"]))];
  },
};
