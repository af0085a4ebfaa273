const brand: unique symbol = Symbol.for("@pagoda/http/CutOff@1");

/**
 * Why a server has given up a call whose client is still there: the reason with which the call's signal is aborted, and
 * its message says what ran out. For code that knows only the platform's reasons it is an `AbortError`. Any other reason
 * means that the client has gone.
 */
export class CutOff extends DOMException {
  /** @internal */
  get [brand](): true {
    return true;
  }

  constructor(message: string) {
    super(message, "AbortError");
  }
}

/** Whether the reason of a signal is a {@link CutOff}, that of another copy of this package included. */
export function isCutOff(reason: unknown): reason is CutOff {
  return typeof reason === "object" && reason !== null && brand in reason;
}
