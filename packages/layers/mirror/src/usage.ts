/**
 * Shadow calls in flight and buffered bytes of mirrors that share their limits. Created by
 * {@link mirrorUsage}.
 */
export class MirrorUsage {
  /** @internal */
  inFlight = 0;
  /** @internal */
  bytes = 0;
}

/**
 * Creates usage counters to share between mirrors, for example across a configuration change.
 * Together they then stay within the limits of one.
 */
export function mirrorUsage(): MirrorUsage {
  return new MirrorUsage();
}
