const brand: unique symbol = Symbol.for("@pagoda/http/CutOff@1");

/**
 * The abort reason of a call that the server abandons although its client is still there. The
 * message states which limit was exceeded. For code that knows only the platform's reasons it is an
 * `AbortError`. Any other reason means that the client is gone.
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

/** Whether an abort reason is a {@link CutOff}, including one of another copy of this package. */
export function isCutOff(reason: unknown): reason is CutOff {
  return typeof reason === "object" && reason !== null && brand in reason;
}
