/**
 * Shadow calls in flight and bytes of copies of mirrors that share their limits. Created by
 * {@link mirrorRoom}.
 */
export class MirrorRoom {
  /** @internal */
  inFlight = 0;
  /** @internal */
  bytes = 0;
}

/**
 * Creates usage counters to share between mirrors, for example across a configuration change.
 * Together they then stay within the limits of one.
 */
export function mirrorRoom(): MirrorRoom {
  return new MirrorRoom();
}
