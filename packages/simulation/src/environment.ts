import type { Random } from "@pagoda/core";
import { AbortWatch } from "./invariants/aborts.ts";
import { leakWatch } from "./invariants/leaks.ts";
import { replayWatch } from "./invariants/replays.ts";
import type { Origin } from "./origin.ts";
import { type Parts, parts as realParts } from "./parts.ts";
import type { Stack } from "./request.ts";
import { World } from "./world.ts";

/** What a stack is composed with. */
export class Environment {
  readonly world: World;
  readonly parts: Parts;
  /** Draws the options of the stack. */
  readonly chance: Random;
  readonly leaks: ReturnType<typeof leakWatch>;
  readonly aborts: AbortWatch;
  readonly onBody: ReturnType<typeof replayWatch>;

  constructor(seed: number, parts: Parts = realParts) {
    this.world = new World(seed);
    this.parts = parts;
    this.chance = this.world.chance("options");
    this.leaks = leakWatch(this.world);
    this.aborts = new AbortWatch(this.world);
    this.onBody = replayWatch(this.world);
  }
}

/** A stack to simulate. */
export interface Simulated {
  readonly service: Stack;
  readonly origins: readonly Origin[];
  /** Calls per second that healthy origins can answer. */
  readonly perSecond: number;
  /** Whether the stack should be ready. */
  readonly isFree: () => boolean;
  /** Changes the endpoints if there are several; returns whether any is left. */
  readonly shuffle?: (random: Random) => boolean;
  /** Restores all endpoints for good. */
  readonly stopChurn?: () => void;
  /** Stops background work. */
  readonly close?: () => void;
  /** Whether the stack has work of its own left after all calls are over. */
  readonly isBusy?: () => boolean;
}
