import type { Random } from "@pagoda/core";
import { AbortWatch } from "./invariants/aborts.ts";
import { leftoversWatch } from "./invariants/leftovers.ts";
import { replayWatch } from "./invariants/replays.ts";
import type { Origin } from "./origin.ts";
import { type Parts, parts as realParts } from "./parts.ts";
import type { Stack } from "./request.ts";
import { World } from "./world.ts";

/** Where a stack is put together. */
export class Setting {
  readonly world: World;
  readonly parts: Parts;
  /** For the options of the stack. */
  readonly chance: Random;
  readonly leftovers: ReturnType<typeof leftoversWatch>;
  readonly aborts: AbortWatch;
  readonly onBody: ReturnType<typeof replayWatch>;

  constructor(seed: number, parts: Parts = realParts) {
    this.world = new World(seed);
    this.parts = parts;
    this.chance = this.world.chance("options");
    this.leftovers = leftoversWatch(this.world);
    this.aborts = new AbortWatch(this.world);
    this.onBody = replayWatch(this.world);
  }
}

/** A stack in its setting, ready to be called. */
export interface Simulated {
  readonly service: Stack;
  readonly origins: readonly Origin[];
  /** Calls that the origins can answer in a second when they are well. */
  readonly perSecond: number;
  /** Whether one who waits for the whole stack need not. */
  readonly isFree: () => boolean;
  /** Changes the endpoints, where there are several; says whether there is any now. */
  readonly shuffle?: (random: Random) => boolean;
  /** No endpoint leaves any more. */
  readonly calm?: () => void;
  /** Ends background work. */
  readonly close?: () => void;
  /** Whether something still goes on when all calls are over, as it says. */
  readonly isBusy?: () => boolean;
}
