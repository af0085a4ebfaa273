import type { Description } from "@pagoda/core";
import type { SampledLayer } from "./sample.ts";
import type { LiveValue } from "./snapshot.ts";

type Place = Pick<SampledLayer, "listener" | "route" | "cluster">;

/** Shown as clusters. */
const elsewhere: ReadonlySet<string> = new Set(["balance", "endpoint"]);

/** The layers of a stack that have a state, except for the balancer and the stacks of endpoints. */
export function* layerRows(description: Description, place: Place): Generator<SampledLayer> {
  const { name, options = {}, state = {}, inner = [] } = description;
  if (elsewhere.has(name)) return;
  const here = name === "route" ? { ...place, route: String(options["key"]) } : place;
  if (Object.keys(state).length > 0) {
    const { capacity } = options;
    yield {
      layer: name,
      ...here,
      state: state as Readonly<Record<string, LiveValue>>,
      ...(typeof capacity === "number" && { capacity }),
    };
  }
  for (const each of inner) if (name !== "clusters") yield* layerRows(each, here);
}
