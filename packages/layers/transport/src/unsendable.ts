/** A request that cannot be sent as it is, for the reason that the message gives. */
export class Unsendable extends Error {
  readonly code = "UNSENDABLE";
}
