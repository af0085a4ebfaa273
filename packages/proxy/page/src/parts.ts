import type { LiveEvents } from "../../src/live/snapshot.ts";

/** The parts of the snapshot that have arrived. */
export type Parts = Partial<Omit<LiveEvents, "point">>;
