import type { Layer } from "../layer.ts";

/**
 * Returns the layer, or a layer that does nothing if it is `undefined`: for a policy that a setting
 * turns on. The type includes the layer's errors, but nothing of what it adds to the request. A
 * layer that handles errors cannot be optional, because the parts outside it rely on it.
 */
export function optional<Needs, Fails, Yields, Accepts>(
  layer: Layer<Needs, unknown, Fails, never, Yields, Accepts> | undefined,
): Layer<Needs, unknown, Fails, never, Yields, Accepts> {
  return layer ?? (((inner: unknown) => inner) as Layer<Needs, unknown, Fails, never, Yields, Accepts>);
}
