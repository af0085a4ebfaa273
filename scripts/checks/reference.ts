import { command } from "../command.ts";
import { exited, type Step } from "./outcome.ts";

/** The API reference, of all packages at once: they link to each other. */
export const reference: Step = {
  name: "reference",
  async run() {
    return [exited("TypeDoc", await command(process.execPath, ["docs/reference.ts"]))];
  },
};
