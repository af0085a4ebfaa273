import { variables } from "../config/environment.ts";
import type { Command } from "./command.ts";

/** Returns the text of `pagoda --help`. */
export function help(commands: readonly Command[]): string {
  const rows = Object.entries(variables).map(
    ([name, { about, valid, fallback }]) =>
      `  ${name}\n      ${about}\n      ${valid}\n      default: ${fallback === "" ? "none" : fallback}`,
  );
  return [
    "pagoda: a service-mesh proxy composed from typed layers",
    "",
    "Usage:",
    ...commands.map(({ usage, about }) => `  pagoda ${usage}\n      ${about}`),
    "  pagoda --help | --version",
    "",
    "Environment:",
    ...rows,
    "",
    "Exit codes: 0 success, 1 could not listen or write, or a simulation did not do as expected, 2 invalid arguments or configuration.",
    "",
  ].join("\n");
}
