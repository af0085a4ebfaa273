import { createRequire, syncBuiltinESMExports } from "node:module";

/** Records system timers that are set while it watches. */
export interface SystemTimers {
  /** The stack trace where each timer was set. */
  readonly set: readonly string[];
  stop(): void;
}

type Functions = Record<string, (...values: unknown[]) => unknown>;

/**
 * Records system timers however they are set: as a global, from `node:timers` or
 * `node:timers/promises`, or with `AbortSignal.timeout`. The timers work as usual.
 */
export function watchSystemTimers(): SystemTimers {
  const set: string[] = [];
  const require = createRequire(import.meta.url);
  const watched: readonly (readonly [owner: object, names: readonly string[]])[] = [
    [globalThis, ["setTimeout", "setInterval"]],
    [require("node:timers") as object, ["setTimeout", "setInterval"]],
    [require("node:timers/promises") as object, ["setTimeout", "setInterval"]],
    [AbortSignal, ["timeout"]],
  ];
  const originals = watched.flatMap(([owner, names]) =>
    names.map((name) => [owner as Functions, name, (owner as Functions)[name] as Functions[string]] as const),
  );
  for (const [owner, name, original] of originals) {
    owner[name] = function (this: unknown, ...values: unknown[]) {
      set.push(new Error(`${name}:`).stack?.split("\n").slice(2).join("\n") ?? name);
      return original.apply(this, values);
    };
  }
  syncBuiltinESMExports();
  return {
    set,
    stop() {
      for (const [owner, name, original] of originals) owner[name] = original;
      syncBuiltinESMExports();
    },
  };
}
