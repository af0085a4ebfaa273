import type { Json } from "@pagoda/core";
import type { PlacedEvents } from "../policies/observed.ts";
import { factText } from "./facts.ts";

/** Sentences about events of layers that no policy configures. */
const ofLayers: Readonly<Record<string, string>> = {
  "transport resent": "sent again: the origin had closed the kept connection",
};

/**
 * Returns an event as a sentence; undefined if it has nothing to say.
 *
 * @param source The events of a policy, or the name of a layer.
 */
export function eventText(
  source: PlacedEvents | string,
  event: string,
  facts: readonly Json[],
): string | undefined {
  const layer = typeof source === "string" ? source : source.layer;
  const text = typeof source === "string" ? undefined : source.texts?.[event];
  const of = typeof source === "string" || source.of === undefined ? "" : ` of ${source.of}`;
  const known = typeof source === "string" ? ofLayers[`${source} ${event}`] : undefined;
  if (known !== undefined) return `${layer}: ${known}`;
  const plainly = `${layer}${of}: ${[event, ...facts.map(factText)].join(" ")}`;
  if (text === undefined) return plainly;
  try {
    const said = text(...(facts as readonly never[]));
    return said === undefined ? undefined : `${layer}${of}: ${said}`;
  } catch {
    // That of a plugin may expect more than a copy of the facts.
    return plainly;
  }
}
