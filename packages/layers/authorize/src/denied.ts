import type { Fault } from "@pagoda/core";

/**
 * The request is not allowed and was not sent. Respond with 403 and nothing more: the rule and the
 * client are for logs.
 */
export interface Denied extends Fault<"Denied"> {
  readonly origin: "local";
  readonly retryable: false;
  /**
   * The rule that denied it; `otherwise` if none matched; `unreadable` if rules name paths or hosts
   * and those of the request may be interpreted in ways that rules cannot anticipate.
   */
  readonly rule: string;
  /** The denied client's address, if known. */
  readonly address: string | undefined;
  /** The denied client's identity, if it has one. */
  readonly identity: string | undefined;
}
