import { formatValue } from "@pagoda/core";
import { messageOf, parsed } from "./api.ts";
import { parseSlice, type Slice } from "./slices.ts";

/** An event of a watch. */
export type WatchEvent =
  | { readonly type: "changed"; readonly slice: Slice; readonly version: string }
  | { readonly type: "deleted"; readonly name: string; readonly version: string }
  /** Nothing has changed, but the next watch can begin here. */
  | { readonly type: "bookmark"; readonly version: string }
  /** The last event: the API server cannot continue. */
  | { readonly type: "error"; readonly status: number; readonly message: string };

/** Parses a line of a watch. @returns What is wrong with it, or the event. */
export function parseEvent(line: string): string | WatchEvent {
  const { type, object } = Object(parsed(line)) as { readonly type?: unknown; readonly object?: unknown };
  if (type === "ERROR") {
    const { code } = Object(object) as { readonly code?: unknown };
    return {
      type: "error",
      status: typeof code === "number" ? code : 0,
      message: messageOf(object) ?? formatValue(object),
    };
  }
  const { metadata } = Object(object) as { readonly metadata?: unknown };
  const { resourceVersion: version } = Object(metadata) as { readonly resourceVersion?: unknown };
  if (typeof version !== "string" || version === "")
    return `an event must have a type and an object with a resourceVersion (got ${formatValue(line)})`;
  switch (type) {
    case "BOOKMARK":
      return { type: "bookmark", version };
    case "ADDED":
    case "MODIFIED":
    case "DELETED": {
      const slice = parseSlice(object);
      if (typeof slice === "string") return slice;
      return type === "DELETED"
        ? { type: "deleted", name: slice.name, version }
        : { type: "changed", slice, version };
    }
    default:
      return `type of an event must be ADDED, MODIFIED, DELETED, BOOKMARK or ERROR (got ${formatValue(type)})`;
  }
}
