import type { Layer } from "../layer.ts";

/**
 * The layer, or none where it is `undefined`: for a policy that a setting turns on. The types say that its errors
 * may come; a layer that adds to the request cannot be optional, since what is inside needs what it adds.
 */
export function optional<Needs, Fails, Yields>(
  layer: Layer<Needs, unknown, Fails, never, Yields> | undefined,
): Layer<Needs, unknown, Fails, never, Yields> {
  return layer ?? (((inner: unknown) => inner) as Layer<Needs, unknown, Fails, never, Yields>);
}
