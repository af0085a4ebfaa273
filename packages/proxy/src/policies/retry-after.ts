/** Fields of a response to a call that may be made again in a moment. */
export const soon = { "retry-after": "1" };

/** Whole seconds, as `Retry-After` wants them, and not too early. */
export function retryAfter(ms: number): Readonly<Record<string, string>> {
  return { "retry-after": String(Math.max(1, Math.ceil(ms / 1_000))) };
}
