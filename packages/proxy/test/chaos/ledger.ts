/** How a call ended for its client. */
export type Outcome =
  /** A complete response. */
  | { readonly kind: "answered"; readonly status: number; readonly right: boolean }
  /** A truncated response, recognized as such by the client. */
  | { readonly kind: "broken" }
  /** The connection ended before the response. */
  | { readonly kind: "lost"; readonly why: string }
  /** The client aborted the call. */
  | { readonly kind: "left" };

export interface Call {
  readonly id: string;
  readonly path: string;
  /** Whether it may reach an origin more than once. */
  readonly repeatable: boolean;
  readonly startedAt: number;
  endedAt?: number;
  outcome?: Outcome;
}

/** A period during which something was broken. */
export interface Window {
  readonly from: number;
  to: number;
}

/** Statuses expected from the proxy and its origins; any other is a mistake. */
const expected: ReadonlySet<number> = new Set([200, 413, 500, 502, 503, 504]);

/**
 * Milliseconds around the death of a worker in which its last log lines and its connections may be
 * lost: an ending process closes them before others can see that it has ended.
 */
const slackMs = 2_000;

/** Collects all calls of a run and finds contradictions between clients, proxy and origins. */
export class Ledger {
  readonly #calls: Call[] = [];
  readonly #listeners = new Set<() => void>();
  #isClosed = false;
  /** When workers died or hung, and when the log was not written. */
  readonly deaths: Window[] = [];
  readonly silences: Window[] = [];
  completed = 0;

  begin(id: string, path: string, repeatable: boolean): Call {
    const call: Call = { id, path, repeatable, startedAt: performance.now() };
    this.#calls.push(call);
    return call;
  }

  end(call: Call, outcome: Outcome): void {
    if (call.outcome !== undefined) return;
    call.outcome = outcome;
    call.endedAt = performance.now();
    this.completed++;
    for (const listener of this.#listeners) listener();
  }

  /** Gives up waiting: no further call will end. */
  close(): void {
    this.#isClosed = true;
    for (const listener of this.#listeners) listener();
  }

  /** Runs the function whenever a call has ended. */
  onEnd(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Settles once that many more calls have ended. */
  after(calls: number): Promise<void> {
    const target = this.completed + calls;
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.completed < target && !this.#isClosed) return;
        this.#listeners.delete(look);
        resolve();
      };
      this.#listeners.add(look);
      look();
    });
  }

  get open(): readonly Call[] {
    return this.#calls.filter(({ outcome }) => outcome === undefined);
  }

  /** Number of calls by outcome. */
  tally(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { outcome } of this.#calls) {
      const name = outcome?.kind === "answered" ? String(outcome.status) : (outcome?.kind ?? "open");
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }

  /**
   * @param records What the origins recorded.
   * @param lines The lines of the access log, by path.
   */
  faults(
    records: readonly (readonly [what: string, id: string])[],
    lines: ReadonlyMap<string, readonly string[]>,
  ): readonly string[] {
    const begun = new Map<string, number>();
    const mangled: string[] = [];
    for (const [what, id] of records) {
      if (what === "begun") begun.set(id, (begun.get(id) ?? 0) + 1);
      if (what === "mangled") mangled.push(id);
    }
    const known = new Set(this.#calls.map(({ id }) => id));
    return [
      ...mangled.map((id) => `call ${id}: its body reached an origin changed`),
      ...[...begun.keys()].filter((id) => !known.has(id)).map((id) => `call ${id}: nobody made it`),
      ...this.#calls.flatMap((call) =>
        this.#faultsOf(call, begun.get(call.id) ?? 0, lines.get(call.path) ?? []),
      ),
    ];
  }

  #faultsOf(call: Call, begun: number, lines: readonly string[]): string[] {
    const { id, path, outcome, repeatable } = call;
    const found: string[] = [];
    const say = (text: string): void =>
      void found.push([`call ${id} (${path}): ${text}`, ...lines].join("\n  "));
    if (outcome === undefined) say("never ended");
    if (!repeatable && begun > 1) say(`reached origins ${begun} times`);
    if (outcome?.kind === "lost" && !this.#sawDeath(call))
      say(`lost without a worker that died: ${outcome.why}`);
    if (lines.length > 1) say(`has ${lines.length} lines in the access log`);
    if (outcome?.kind === "answered") {
      const { status, right } = outcome;
      if (!expected.has(status)) say(`answered with ${status}`);
      if (!right) say("answered with a body that is not its own, or not whole");
      if (status === 200 && begun === 0) say("answered with 200 although it reached no origin");
      if (lines.length === 0 && !this.#wasSilent(call)) say("has no line in the access log");
    }
    return found;
  }

  #sawDeath({ startedAt, endedAt = Infinity }: Call): boolean {
    return this.deaths.some(({ from, to }) => to >= startedAt - slackMs && from <= endedAt + slackMs);
  }

  #wasSilent({ startedAt, endedAt = Infinity }: Call): boolean {
    return [...this.deaths, ...this.silences].some(
      ({ from, to }) => to >= startedAt && from <= endedAt + slackMs,
    );
  }
}
