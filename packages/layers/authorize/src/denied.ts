import type { Fault } from "@pagoda/core";

/**
 * The request is not allowed. It was not sent anywhere. Whoever answers it says 403 and no more: which rule it was, and
 * whom it denied, is for logs.
 */
export interface Denied extends Fault<"Denied"> {
  readonly origin: "local";
  readonly retryable: false;
  /**
   * The rule that denied it; `otherwise` where none matched; `unreadable` where rules name paths or hosts, and the
   * request's could be read in ways that they cannot foresee.
   */
  readonly rule: string;
  /** The denied client's address, if known. */
  readonly address: string | undefined;
  /** The denied client's identity, if it has one. */
  readonly identity: string | undefined;
}
