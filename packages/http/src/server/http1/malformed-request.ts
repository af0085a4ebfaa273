import type { Refusal } from "../refusal.ts";

/** Bytes that are not a request, or not the rest of its body: nothing behind them can be read. */
export class MalformedRequest extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal = { status: 400, reason: "malformed request" }) {
    super(refusal.reason);
    this.refusal = refusal;
  }
}
