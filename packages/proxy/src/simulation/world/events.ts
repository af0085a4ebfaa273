import type { Clock } from "@pagoda/core";
import type { Effect } from "../scenario/effect.ts";
import type { Event } from "../scenario/schema.ts";
import type { Target } from "../scenario/target.ts";
import type { SimulatedEndpoint } from "./endpoint.ts";

/** Sets timers for all events, counted from now. */
export function schedule(
  events: readonly Event[],
  clusters: ReadonlyMap<string, readonly SimulatedEndpoint[]>,
  clock: Clock,
): void {
  for (const { at, origin, for: lasts, does } of events) {
    for (const target of Array.isArray(origin) ? origin : [origin])
      for (const endpoint of targeted(target, clusters))
        clock.setTimer(at, () => begin(endpoint, does, lasts, clock));
  }
}

function targeted(
  { cluster, from = 0, to = Infinity }: Target,
  clusters: ReadonlyMap<string, readonly SimulatedEndpoint[]>,
): readonly SimulatedEndpoint[] {
  return (clusters.get(cluster) ?? []).slice(from, to + 1);
}

function begin(endpoint: SimulatedEndpoint, does: Effect, lasts: number | undefined, clock: Clock): void {
  // An effect is known by its identity: the same may last twice at once.
  const effect = { ...does };
  let isOver = false;
  endpoint.begin(effect);
  if (lasts !== undefined)
    clock.setTimer(lasts, () => {
      isOver = true;
      endpoint.end(effect);
    });
  if (does.kind !== "flap") return;
  let isDown = true;
  const turn = (): void => {
    if (isOver) return;
    isDown = !isDown;
    if (isDown) endpoint.begin(effect);
    else endpoint.end(effect);
    clock.setTimer(does.ms, turn);
  };
  clock.setTimer(does.ms, turn);
}
