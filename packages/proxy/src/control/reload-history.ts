import { isDeepStrictEqual } from "node:util";
import type { Clock } from "@pagoda/core";
import type { Loaded } from "../config/load.ts";
import { publicConfig } from "../config/resolved.ts";
import { changesBetween } from "../live/changes.ts";
import type { LiveChange, LiveReload } from "../live/snapshot.ts";

/** Reloads that are kept. */
const maxKept = 20;
/** Changes of a reload that are kept. */
const maxChanges = 100;
/** Problems of a reload that are kept. */
const maxProblems = 20;

/** Remembers the last reloads, and what they have changed. */
export class ReloadHistory {
  readonly #clock: Clock;
  /** The newest first. */
  #all: readonly LiveReload[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get all(): readonly LiveReload[] {
    return this.#all;
  }

  rejected(trigger: string, problems: readonly string[]): void {
    const left = problems.length - maxProblems;
    const shown = left > 0 ? [...problems.slice(0, maxProblems), `and ${left} more`] : problems;
    this.#add({
      trigger,
      result: "rejected",
      problems: shown,
      changes: [],
      changesLeft: 0,
      files: [],
      secrets: false,
    });
  }

  /** What was served before and is now. */
  applied(trigger: string, before: Loaded, after: Loaded): void {
    const changes: LiveChange[] = [];
    let changesLeft = 0;
    for (const change of changesBetween(shownOf(before), shownOf(after)))
      if (changes.length < maxChanges) changes.push(change);
      else changesLeft++;
    const names = new Set([...before.files.keys(), ...after.files.keys()]);
    const files = [...names].filter((name) => before.files.get(name) !== after.files.get(name));
    const secrets =
      changes.length === 0 && files.length === 0 && !isDeepStrictEqual(before.config, after.config);
    this.#add({ trigger, result: "applied", problems: [], changes, changesLeft, files, secrets });
  }

  #add(reload: Omit<LiveReload, "at">): void {
    this.#all = [{ at: this.#clock.wallTime(), ...reload }, ...this.#all].slice(0, maxKept);
  }
}

function shownOf({ config, policies }: Loaded): unknown {
  return publicConfig(config, policies);
}
