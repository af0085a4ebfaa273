import { createRequire, syncBuiltinESMExports } from "node:module";

/** The system's timers, set while they are watched. */
export interface SystemTimers {
  /** Where each was set: a stack. */
  readonly set: readonly string[];
  stop(): void;
}

type Functions = Record<string, (...values: unknown[]) => unknown>;

/**
 * Watches whether somebody sets a timer of the system, whatever it is called by: as a global, out of `node:timers` or
 * `node:timers/promises`, or as `AbortSignal.timeout`. The timers do what they always do.
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
