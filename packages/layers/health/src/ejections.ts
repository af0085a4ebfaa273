/** A period in which an endpoint gets no calls. */
export interface Ejection {
  /** Low cardinality, suitable as a metric label. */
  readonly reason: "consecutive-failures" | "consecutive-gateway-failures" | "success-rate";
  /** Failures in a row that led to it; absent if the success rate did. */
  readonly failures?: number;
  /** Duration in milliseconds. */
  readonly forMs: number;
  /** Consecutive ejections, including this one. The duration grows with it. */
  readonly times: number;
}

/** An ejection, and when it ends by the clock's `now()`. */
export interface Term {
  readonly ejection: Ejection;
  readonly untilMs: number;
}

/** Ejections shared by several detections. Created by {@link outlierEjections}. */
export class OutlierEjections {
  readonly #terms = new Map<string, Term>();

  /** @internal Returns the ejection of an endpoint, unless it is over. */
  of(key: string, nowMs: number): Term | undefined {
    const term = this.#terms.get(key);
    return term !== undefined && term.untilMs > nowMs ? term : undefined;
  }

  /** @internal */
  add(key: string, term: Term, nowMs: number): void {
    for (const [each, { untilMs }] of this.#terms) if (untilMs <= nowMs) this.#terms.delete(each);
    this.#terms.set(key, term);
  }

  /** @internal */
  end(key: string): void {
    this.#terms.delete(key);
  }
}

/**
 * Creates ejections to share between detections, for example across a configuration change:
 * endpoints ejected by the old one stay ejected in the new one.
 */
export function outlierEjections(): OutlierEjections {
  return new OutlierEjections();
}
