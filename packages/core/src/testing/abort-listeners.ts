import { getEventListeners } from "node:events";
import { watchesOf } from "../abort-source.ts";

/** Number of listeners on a signal, by `addEventListener` or core's `whenAborted`. */
export function abortListeners(signal: AbortSignal): number {
  return getEventListeners(signal, "abort").length + watchesOf(signal);
}
