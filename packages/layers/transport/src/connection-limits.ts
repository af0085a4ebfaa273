import type { Deadline, Deadlines, Expiring } from "./deadlines.ts";
import { timedOut } from "./faults.ts";
import { Limit } from "./limit.ts";

/** The time limits of a connection, one of which runs at a time. */
export class ConnectionLimits implements Expiring {
  readonly #headersTimeoutMs: number;
  readonly #deadlines: Deadlines | undefined;
  readonly #passed: (error: Error) => void;
  readonly #timer = new Limit();
  /** Of the response head. */
  #deadline: Deadline | undefined;

  /**
   * @param deadlines Of response heads; shared by all connections.
   * @param passed Receives the error of a limit that has passed.
   */
  constructor(headersTimeoutMs: number, deadlines: Deadlines | undefined, passed: (error: Error) => void) {
    this.#headersTimeoutMs = headersTimeoutMs;
    this.#deadlines = deadlines;
    this.#passed = passed;
  }

  /** Passes with an error of this code unless it is cleared in time. */
  set(ms: number, code: string): void {
    this.clear();
    this.#timer.set(ms, code, this.#passed);
  }

  /** Runs a function after a delay instead. */
  run(ms: number, then: () => void): void {
    this.clear();
    this.#timer.run(ms, then);
  }

  awaitHead(): void {
    this.clear();
    this.#deadline = this.#deadlines?.add(this);
  }

  /** No response head in time. */
  expired(isLocal: boolean): void {
    this.#deadline = undefined;
    this.#passed(timedOut("HEADERS_TIMEOUT", this.#headersTimeoutMs, isLocal));
  }

  clear(): void {
    this.#timer.clear();
    if (this.#deadline !== undefined) this.#deadlines?.remove(this.#deadline);
    this.#deadline = undefined;
  }
}
