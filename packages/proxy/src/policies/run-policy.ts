import type { AnyPolicy } from "./policy.ts";

/**
 * Runs code of a policy.
 *
 * @throws Error that names the policy and what it was doing.
 */
export function runPolicy<T>({ name }: AnyPolicy, doing: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw new Error(`policy ${name}, ${doing}: ${errorText(error)}`, { cause: error });
  }
}

/** Whatever has been thrown, in words. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
