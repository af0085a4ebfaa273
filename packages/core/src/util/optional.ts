import type { Layer } from "../layer.ts";

/**
 * The layer, or none where it is `undefined`: for a policy that a setting turns on. The types say that its errors
 * may come, and promise nothing of what it adds to the request; one that handles errors cannot be optional, since
 * who is outside counts on it.
 */
export function optional<Needs, Fails, Yields, Accepts>(
  layer: Layer<Needs, unknown, Fails, never, Yields, Accepts> | undefined,
): Layer<Needs, unknown, Fails, never, Yields, Accepts> {
  return layer ?? (((inner: unknown) => inner) as Layer<Needs, unknown, Fails, never, Yields, Accepts>);
}
