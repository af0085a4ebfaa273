import { command } from "../command.ts";
import { exited, type Step } from "./outcome.ts";

export const types: Step = {
  name: "types",
  async run() {
    const checked = (project: string) => command("tsc", ["-p", project, "--pretty", "false"]);
    return [
      exited("tsc", await checked("tsconfig.json")),
      // It runs in a browser: what exists there and in Node differs.
      exited("tsc of the live page", await checked("packages/proxy/page")),
    ];
  },
};
