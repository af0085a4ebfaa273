/** Header fields of a response to a call that may be retried shortly. */
export const soon = { "retry-after": "1" };

/** Whole seconds for `Retry-After`, rounded up. */
export function retryAfter(ms: number): Readonly<Record<string, string>> {
  return { "retry-after": String(Math.max(1, Math.ceil(ms / 1_000))) };
}
