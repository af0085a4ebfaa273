import { randomBytes } from "node:crypto";
import { sharedMemory } from "@pagoda/rate-limit";
import type { Resolved } from "../config/resolved.ts";
import { sharedLimits } from "../data-plane/shared-limits.ts";

interface Shared {
  readonly maxKeys: number;
  readonly memory: SharedArrayBuffer;
}

/** What all threads have in common. It lives on from one configuration to the next. */
export class SharedState {
  /** Of all that is sealed for clients. */
  readonly ticketSecret: Uint8Array = randomBytes(32);
  #limits: ReadonlyMap<string, Shared> = new Map();

  /** The memory of each limit of a configuration, by name. One thread alone needs none. */
  limits(resolved: Resolved, workers: number): ReadonlyMap<string, SharedArrayBuffer> {
    if (workers === 1) return new Map();
    const limits = Array.from(sharedLimits(resolved), ([name, { maxKeys }]): [string, Shared] => {
      const known = this.#limits.get(name);
      return [name, known?.maxKeys === maxKeys ? known : { maxKeys, memory: sharedMemory({ maxKeys }) }];
    });
    // Those of the configuration before are kept until this one holds: it may come back.
    this.#limits = new Map([...this.#limits, ...limits]);
    return new Map(limits.map(([name, { memory }]) => [name, memory]));
  }

  /** Forgets the limits that a configuration does not have. */
  keep(resolved: Resolved): void {
    const names = sharedLimits(resolved);
    this.#limits = new Map([...this.#limits].filter(([name]) => names.has(name)));
  }
}
