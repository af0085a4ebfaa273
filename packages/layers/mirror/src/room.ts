/** The shadow calls under way and the bytes of their copies, of mirrors that share their bounds. Made by {@link mirrorRoom}. */
export class MirrorRoom {
  /** @internal */
  inFlight = 0;
  /** @internal */
  bytes = 0;
}

/**
 * Room for the shadows of several mirrors, such as those of a former and a new configuration: together they take no more
 * than one of them would.
 */
export function mirrorRoom(): MirrorRoom {
  return new MirrorRoom();
}
