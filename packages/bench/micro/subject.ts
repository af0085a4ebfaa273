/** Code to measure, and its target. */
export interface Subject {
  /** The row in the table. */
  readonly what: string;
  /** Called right before the first measurement, and only for chosen subjects. */
  readonly prepare: () => Operation;
  /** Shows the time added to this base, divided by the number of layers. */
  readonly beyond?: { readonly base: string; readonly layers: number };
  readonly target?: Target;
  /** Why there is no target, or why it is missed. */
  readonly reason?: string;
}

export interface Operation {
  /** One operation. Its result is consumed, and awaited if it is a promise. */
  readonly run: () => unknown;
  /** Frees timers and listeners. */
  readonly end?: () => void;
}

export type Target = { readonly leastMillionsPerSecond: number } | { readonly mostNs: number };

/** The subjects of one source, under their name for `--only`. */
export interface Group {
  readonly name: string;
  readonly subjects: readonly Subject[];
}
