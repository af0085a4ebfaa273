import { type Either, type Fault, faultOf, isRight } from "@pagoda/core";

/**
 * What happened to a call, for people who ask why it ended as it did: an entry for each try and for
 * each event that a layer reported. The newest entry comes first; each one links to the one before.
 *
 * Appending costs one object and builds no text: nearly all trails are dropped unread.
 */
export type TrailEntry = Try | TrailEvent;

/** The notes of a call, as far as its tries are concerned. */
interface TrailNotes {
  upstream?: string | undefined;
  tries: number;
  trail?: TrailEntry | undefined;
}

/** Number of entries that a call keeps; later ones are dropped. */
export const maxTrail = 64;

/** A call to an origin. */
export class Try {
  readonly kind = "try";
  readonly upstream: string;
  /** Reading of the clock when it began. */
  readonly at: number;
  /** Reading of the clock at the response head or the error; undefined until then. */
  endedAt: number | undefined = undefined;
  /** The status of the response; 0 if there was none. */
  status = 0;
  fault: Fault | undefined = undefined;
  readonly before: TrailEntry | undefined;
  readonly length: number;

  constructor(upstream: string, at: number, before: TrailEntry | undefined) {
    this.upstream = upstream;
    this.at = at;
    this.before = before;
    this.length = before === undefined ? 1 : before.length + 1;
  }
}

/** What a layer reported. */
export class TrailEvent {
  readonly kind = "event";
  /** Where it happened: whatever tells the reader how to show it. */
  readonly source: unknown;
  /** The name of the event, such as `retried`. */
  readonly name: string;
  /** What is known of it, such as `{ attempt: 2, waitedMs: 25 }`. */
  readonly facts: readonly unknown[];
  /** Reading of the clock. */
  readonly at: number;
  readonly before: TrailEntry | undefined;
  readonly length: number;

  constructor(
    source: unknown,
    name: string,
    facts: readonly unknown[],
    at: number,
    before: TrailEntry | undefined,
  ) {
    this.source = source;
    this.name = name;
    this.facts = facts;
    this.at = at;
    this.before = before;
    this.length = before === undefined ? 1 : before.length + 1;
  }
}

/**
 * Notes that a call to an origin begins: one more try, to this upstream.
 *
 * @param now Reading of the transport's clock.
 * @returns The try, for {@link tryEnded}.
 */
export function tryBegan(notes: TrailNotes, upstream: string, now: number): Try {
  const { trail } = notes;
  const began = new Try(upstream, now, trail);
  notes.upstream = upstream;
  notes.tries++;
  if (began.length <= maxTrail) notes.trail = began;
  return began;
}

/**
 * Notes how a try ended. Of several tries the upstream of the one that answers is noted, not of the
 * ones that are given up for it.
 *
 * @param result Undefined if it ended with a defect.
 * @param isAborted Whether its caller has given it up.
 */
export function tryEnded(
  notes: TrailNotes,
  ended: Try,
  result: Either<unknown, { readonly status: number }> | undefined,
  now: number,
  isAborted: boolean,
): void {
  if (!isAborted) notes.upstream = ended.upstream;
  ended.endedAt = now;
  if (result === undefined) return;
  if (isRight(result)) ended.status = result.right.status;
  else ended.fault = faultOf(result);
}

/**
 * Notes an event that concerns a call.
 *
 * @param source Tells a reader where it happened and how to show it.
 */
export function noteEvent(
  notes: TrailNotes,
  source: unknown,
  name: string,
  facts: readonly unknown[],
  now: number,
): void {
  const { trail } = notes;
  if (trail === undefined || trail.length < maxTrail)
    notes.trail = new TrailEvent(source, name, facts, now, trail);
}

/** Returns the entries of a call's trail, the oldest first. */
export function trailOf({ trail }: Pick<TrailNotes, "trail">): readonly TrailEntry[] {
  const entries: TrailEntry[] = [];
  for (let entry = trail; entry !== undefined; entry = entry.before) entries.push(entry);
  return entries.toReversed();
}

/** Returns the latest try of a call. */
export function lastTry({ trail }: Pick<TrailNotes, "trail">): Try | undefined {
  let entry = trail;
  while (entry !== undefined && entry.kind !== "try") entry = entry.before;
  return entry;
}
