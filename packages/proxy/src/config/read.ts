import { type Either, left, right } from "fp-ts/lib/Either.js";
import type { z } from "zod";
import { crossProblems } from "./cross-check.ts";
import { ConfigDocument, nearest, type Problem } from "./document.ts";
import { config, type Config } from "./schema/config.ts";
import { shownAt } from "./schema/secrets.ts";

type Path = readonly (string | number)[];

/** Reads a configuration; `Left` lists every problem there is, each with its place. */
export function readConfig(text: string): Either<readonly Problem[], Config> {
  const document = new ConfigDocument(text);
  if (document.problems.length > 0) return left(document.problems);
  const parsed = config.safeParse(document.value ?? {});
  if (!parsed.success)
    return left(inOrder(parsed.error.issues.flatMap((issue) => problemsOf(document, issue))));
  const problems = crossProblems(document, parsed.data);
  return problems.length > 0 ? left(inOrder(problems)) : right(parsed.data);
}

function inOrder(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

function problemsOf(document: ConfigDocument, issue: z.core.$ZodIssue): readonly Problem[] {
  const path = issue.path as Path;
  if (issue.code === "unrecognized_keys") {
    // The message is the list of the keys that there are: see `fields`.
    const names = issue.message.split(", ");
    return issue.keys.map((key) => {
      const meant = nearest(key, names);
      const hint = meant === undefined ? `valid are ${issue.message}` : `did you mean ${meant}?`;
      return document.problem([...path, key], `there is no such field; ${hint}`, true);
    });
  }
  if (issue.code === "invalid_union") {
    // Where the value is of one kind, and only something in it is wrong, it is that which people look for.
    const [meant, another] = issue.errors.filter((all) => all.every((each) => each.path.length > 0));
    if (meant !== undefined && another === undefined)
      return meant.flatMap((each) => problemsOf(document, { ...each, path: [...path, ...each.path] }));
  }
  return [document.problem(path, withValue(issue.message, path, valueAt(document.value, path)))];
}

function withValue(message: string, path: Path, value: unknown): string {
  const shown = value === undefined ? undefined : shownAt(config, path, value);
  if (message.startsWith("must ")) return `${message} (${shown === undefined ? "missing" : `got ${shown}`})`;
  return `${shown === undefined ? "is missing" : `is ${shown}`}; ${message}`;
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const part of path) at = (at as Record<string | number, unknown> | undefined | null)?.[part];
  return at;
}
