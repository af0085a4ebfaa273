import type { Clock } from "@pagoda/core";

/** The `Date` field of responses that have none (RFC 9110, 6.6.1), composed once a second. */
export class HttpDate {
  readonly #clock: Clock;
  #second = -1;
  #line = "";

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The field with its line terminator. */
  get line(): string {
    const second = Math.floor(this.#clock.wallTime() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#line = `Date: ${new Date(second * 1_000).toUTCString()}\r\n`;
    }
    return this.#line;
  }
}
