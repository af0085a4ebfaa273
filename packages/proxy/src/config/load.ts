import { readFileSync } from "node:fs";
import { type Either, isLeft, left, right } from "fp-ts/lib/Either.js";
import { ConfigDocument, problemText } from "./document.ts";
import {
  defaults,
  type Environment,
  override,
  type Overrides,
  readEnvironment,
  variableProblemText,
} from "./environment.ts";
import { readConfig } from "./read.ts";
import type { Address } from "./address.ts";
import { config as configSchema } from "./schema/config.ts";
import { locate, namedFiles, resolve, type Resolved } from "./resolved.ts";

/** Where a configuration comes from. */
export interface Sources {
  /** The file; else the one that `PROXY_CONFIG` names, else none. */
  readonly file?: string | undefined;
  readonly env: Environment;
  /** Origins for when nothing names any. */
  readonly demo?: (() => Promise<readonly string[]>) | undefined;
}

export interface Loaded extends Resolved {
  /** The configuration file; `undefined`: the environment alone says it all. */
  readonly file: string | undefined;
  /** The configuration file and those that it names: when one of them changes, this is old. */
  readonly watched: readonly string[];
  /** Whether the demo origins answer. */
  readonly demo: boolean;
}

/** Reads, checks and completes a configuration; `Left` has a line for each problem there is. */
export async function loadConfig(sources: Sources): Promise<Either<readonly string[], Loaded>> {
  const overrides = readEnvironment(sources.env);
  if (isLeft(overrides)) return left(overrides.left.map(variableProblemText));
  const file = sources.file ?? overrides.right.file;
  const demo = file === undefined && overrides.right.upstreams === undefined ? sources.demo : undefined;
  // Without any origin the schema has something to say; the demo's are known only when they listen.
  const fallback = demo === undefined ? ["http://127.0.0.1:8080"] : await demo();
  const text = file === undefined ? right(defaults(fallback)) : readText(file);
  return isLeft(text) ? text : complete(text.right, file, overrides.right, demo !== undefined);
}

/**
 * Where operators look, also where the file is not valid: the program that runs holds on to what was valid before, and
 * in most cases that was the same address. `Left`: a line for each variable that is wrong.
 */
export function adminAddress({ file, env }: Sources): Either<readonly string[], Address> {
  const overrides = readEnvironment(env);
  if (isLeft(overrides)) return left(overrides.left.map(variableProblemText));
  const { admin, file: named } = overrides.right;
  if (admin !== undefined) return right(admin);
  const path = file ?? named;
  const text = path === undefined ? right("") : readText(path);
  const { admin: schema } = configSchema.shape;
  const parsed = schema.safeParse(isLeft(text) ? {} : (adminIn(text.right) ?? {}));
  return right((parsed.success ? parsed.data : schema.parse({})).address);
}

/** What a text says of it, as far as it can be read. */
function adminIn(text: string): unknown {
  try {
    return Object(new ConfigDocument(text).value).admin as unknown;
  } catch {
    return undefined;
  }
}

function complete(
  text: string,
  file: string | undefined,
  overrides: Overrides,
  demo: boolean,
): Either<readonly string[], Loaded> {
  const name = file ?? "configuration";
  const read = readConfig(text);
  if (isLeft(read)) return left(read.left.map((problem) => problemText(name, problem)));
  const config = override(read.right, overrides);
  if (isLeft(config)) return left([variableProblemText(config.left)]);
  const resolved = resolve(config.right, file, (path) => readFileSync(path, "utf8"));
  if (isLeft(resolved)) {
    const document = new ConfigDocument(text);
    return left(resolved.left.map(({ path, message }) => problemText(name, document.problem(path, message))));
  }
  const named = namedFiles(config.right).map((each) => locate(each.name, file));
  return right({ ...resolved.right, file, watched: file === undefined ? named : [file, ...named], demo });
}

function readText(file: string): Either<readonly string[], string> {
  try {
    return right(readFileSync(file, "utf8"));
  } catch (error) {
    return left([`${file}: cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`]);
  }
}
