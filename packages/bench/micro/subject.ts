/** A piece of code that is measured, and what its number is held against. */
export interface Subject {
  /** The first column of the table. */
  readonly what: string;
  /** Made right before the first measurement, so that a subject that is not chosen costs nothing. */
  readonly prepare: () => Operation;
  /** What the row shows is the time beyond this subject's, spread over so many layers. */
  readonly beyond?: { readonly base: string; readonly layers: number };
  readonly target?: Target;
  /** Has no target, or misses it, for that reason. */
  readonly reason?: string;
}

export interface Operation {
  /** One operation. What it gives is consumed, and awaited when it is a promise. */
  readonly run: () => unknown;
  /** Frees what it began: timers, listeners. */
  readonly end?: () => void;
}

export type Target = { readonly leastMillionsPerSecond: number } | { readonly mostNs: number };

/** The subjects of one source, by the name that `--only` takes. */
export interface Group {
  readonly name: string;
  readonly subjects: readonly Subject[];
}
