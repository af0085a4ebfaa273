/** Where a signal keeps the scope that made it. Registered: a stack may hold layers with another copy of this package. */
const scopeOf: unique symbol = Symbol.for("@pagoda/core/scope@1");

interface Scoped extends AbortSignal {
  [scopeOf]?: { readonly deadline: number | undefined };
}

/**
 * A call that a layer makes on behalf of another: its signal is aborted with the caller's, or by the layer alone.
 * Deadlines pass through it, so a layer further in sees when the caller will have given up.
 *
 * The layer calls `end` when its call is over, whatever the outcome: that takes the listener off the caller's signal.
 *
 * Cost: an `AbortController` with a listener, about 0.4 µs.
 */
export class Scope {
  /** For the calls that the layer makes. */
  readonly signal: AbortSignal;
  readonly #parent: AbortSignal | undefined;
  readonly #controller = new AbortController();
  readonly #onAbort: ((reason: unknown) => void) | undefined;
  #deadline: number | undefined;

  /**
   * @param parent The caller's signal.
   * @param onAbort Runs when the caller aborts, after inner has heard of it.
   */
  constructor(parent: AbortSignal | undefined, onAbort?: (reason: unknown) => void) {
    this.signal = this.#controller.signal;
    this.#parent = parent;
    this.#onAbort = onAbort;
    (this.signal as Scoped)[scopeOf] = this;
    if (parent?.aborted) this.#onParentAbort();
    else parent?.addEventListener("abort", this.#onParentAbort);
  }

  /** Milliseconds on the clock's `now()`: when whoever waits will have given up. The nearest counts. */
  get deadline(): number | undefined {
    const outer = deadlineOf(this.#parent);
    const own = this.#deadline;
    return own === undefined || (outer !== undefined && outer < own) ? outer : own;
  }

  set deadline(at: number | undefined) {
    this.#deadline = at;
  }

  /** The layer gives up what it began. */
  abort(reason?: unknown): void {
    this.end();
    this.#controller.abort(reason);
  }

  /** The call is over: nothing listens any more. */
  end(): void {
    this.#parent?.removeEventListener("abort", this.#onParentAbort);
  }

  // An object as listener would do, too, but Node wraps those in a closure that V8 keeps alive for long, and with it
  // all that belongs to the call.
  readonly #onParentAbort = (): void => {
    const reason: unknown = this.#parent?.reason;
    this.abort(reason);
    this.#onAbort?.(reason);
  };
}

/**
 * When the caller behind a signal will have given up, in milliseconds on its clock's `now()`; `undefined` where no
 * layer further out has set a limit. A layer does not begin what cannot end before that.
 */
export function deadlineOf(signal: AbortSignal | undefined): number | undefined {
  return (signal as Scoped | undefined)?.[scopeOf]?.deadline;
}
