import type { Clock } from "@pagoda/core";

/** The `Date` field of responses that have none (RFC 9110, 6.6.1), composed once a second. */
export class HttpDate {
  readonly #clock: Clock;
  #second = -1;
  #value = "";
  #line = "";

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get value(): string {
    this.#renew();
    return this.#value;
  }

  /** The field with its line terminator. */
  get line(): string {
    this.#renew();
    return this.#line;
  }

  #renew(): void {
    const second = Math.floor(this.#clock.wallTime() / 1_000);
    if (second === this.#second) return;
    this.#second = second;
    this.#value = new Date(second * 1_000).toUTCString();
    this.#line = `Date: ${this.#value}\r\n`;
  }
}
