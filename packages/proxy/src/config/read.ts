import { type Either, left, notShown, right } from "@pagoda/core";
import type { z } from "zod";
import { advice } from "./advice.ts";
import { crossProblems } from "./cross-check.ts";
import { ConfigDocument, nearest, pathText, type Problem } from "./document.ts";
import { BrokenPaths, type Path, repaired } from "./repair.ts";
import { type Config, configSchema } from "./schema/config.ts";
import { builtInPolicies, type PolicyRegistry } from "../policies/registry.ts";
import { unreachableWarnings } from "./unreachable.ts";
import { unusedParts } from "./unused.ts";
import { shownAt } from "../schema/secrets.ts";

/** The result of reading a configuration, as far as it can be read. */
export interface Examined {
  readonly document: ConfigDocument;
  /** All problems, in the order of their positions. */
  readonly problems: readonly Problem[];
  /** Settings without effect; reported only for a configuration without problems. */
  readonly warnings: readonly Problem[];
  /** What is better set otherwise; reported only for a configuration without problems. */
  readonly advice: readonly Problem[];
  /** The configuration without its invalid parts; undefined if nothing remains. */
  readonly config: Config | undefined;
  readonly broken: BrokenPaths;
}

/**
 * Reads a configuration. Valid parts are checked even if others are invalid, so that all problems
 * are reported at once.
 *
 * @param isComplete Whether the registry has all policies of the configuration. If not, unknown ones
 * are no problem of their own.
 */
export function examine(
  document: ConfigDocument,
  policies: PolicyRegistry,
  isComplete: boolean = true,
): Examined {
  const config = configSchema(policies);
  const nothing = { document, warnings: [], advice: [], config: undefined, broken: new BrokenPaths() };
  if (document.problems.length > 0) return { ...nothing, problems: inOrder(document.problems) };
  const value = document.value ?? {};
  const parsed = config.safeParse(value);
  const { issues } = parsed.error ?? { issues: [] };
  const ofSchema = issues
    .filter((issue) => isComplete || !isUnknownPolicy(issue))
    .flatMap((issue) => problemsOf(document, issue, config));
  const rest = parsed.success ? { config: parsed.data, broken: [] } : repaired(value, issues, config);
  if (rest === undefined) return { ...nothing, problems: inOrder(ofSchema) };
  const broken = new BrokenPaths(rest.broken);
  const problems = inOrder([...ofSchema, ...crossProblems(document, rest.config, policies, broken)]);
  const isValid = problems.length === 0;
  return {
    document,
    problems,
    warnings: isValid
      ? [...unreachableWarnings(document, rest.config), ...unusedParts(document, rest.config, policies)]
      : [],
    advice: isValid ? advice(document, rest.config) : [],
    config: rest.config,
    broken,
  };
}

/**
 * Reads a configuration; `Left` lists every problem with its position.
 *
 * @param policies Default: the built-in ones.
 */
export function readConfig(
  text: string,
  policies: PolicyRegistry = builtInPolicies,
): Either<readonly Problem[], Config> {
  const { problems, config } = examine(new ConfigDocument(text), policies);
  return config === undefined || problems.length > 0 ? left(problems) : right(config);
}

function isUnknownPolicy({ code, path }: z.core.$ZodIssue): boolean {
  return code === "unrecognized_keys" && path.at(-1) === "policies";
}

/** By position. */
export function inOrder(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

/** The problems of an issue that a schema has found in a document. */
export function problemsOf(
  document: ConfigDocument,
  issue: z.core.$ZodIssue,
  schema: z.core.$ZodType,
): readonly Problem[] {
  const path = issue.path as Path;
  if (issue.code === "unrecognized_keys") {
    // The message lists the known keys: see `fields`.
    const names = issue.message.split(", ");
    return issue.keys.map((key) => {
      const meant = nearest(key, names);
      const hint = meant === undefined ? `the fields here are ${issue.message}` : `did you mean ${meant}?`;
      const problem = document.problem([...path, key], `unknown field; ${hint}`, true);
      // Perhaps a colon is missing, so that the key is a value, too.
      return /^[\w.-]+$/.test(key) ? problem : { ...problem, path: pathText([...path, notShown]) };
    });
  }
  if (issue.code === "invalid_union") {
    // If the value fits one option except for something inside it, that option is meant.
    const [meant, another] = issue.errors.filter((all) => all.every((each) => each.path.length > 0));
    if (meant !== undefined && another === undefined)
      return meant.flatMap((each) =>
        problemsOf(document, { ...each, path: [...path, ...each.path] }, schema),
      );
  }
  const value = valueAt(document.value, path);
  const got = value === undefined ? "missing" : `got ${shownAt(schema, path, value)}`;
  return [document.problem(path, `${issue.message} (${got})`)];
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const part of path) at = (at as Record<string | number, unknown> | undefined | null)?.[part];
  return at;
}
