/** A request that cannot be sent. The message gives the reason. */
export class Unsendable extends Error {
  readonly code = "UNSENDABLE";
}
