/**
 * Why a server has given up a call whose client is still there: the reason with which the call's signal is aborted, and
 * its message says what ran out. For code that knows only the platform's reasons it is an `AbortError`. Any other reason
 * means that the client has gone.
 */
export class CutOff extends DOMException {
  constructor(message: string) {
    super(message, "AbortError");
  }
}
