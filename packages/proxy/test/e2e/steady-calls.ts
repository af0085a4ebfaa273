import { call, keepAlive } from "./client.ts";

const connections = 8;

/** Calls without pause on several connections, until it is disposed of. */
export class SteadyCalls implements AsyncDisposable {
  /** Responses other than 200. */
  readonly refused: string[] = [];
  /** Calls without a response. */
  readonly broken: string[] = [];
  /** The bodies of all responses with 200. */
  readonly answers: string[] = [];
  readonly #agent = keepAlive(connections);
  readonly #waiting = new Set<() => void>();
  readonly #calling: Promise<unknown>;
  #isOver = false;

  constructor(url: string) {
    this.#calling = Promise.all(Array.from({ length: connections }, () => this.#call(url)));
  }

  /** Settles after that many further calls. */
  async more(calls: number): Promise<void> {
    const until = this.answers.length + calls;
    await this.#until(() => this.answers.length >= until);
  }

  /** Settles when so many calls in succession have had this answer. */
  async only(answer: string, calls: number = 4 * connections): Promise<void> {
    await this.more(1);
    await this.#until(() => {
      const last = this.answers.slice(-calls);
      return last.length === calls && last.every((each) => each === answer);
    });
  }

  /** Settles when a call has been refused so. */
  async refusal(text: string): Promise<void> {
    await this.#until(() => this.refused.some((each) => each.includes(text)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#calling;
    this.#agent.destroy();
  }

  async #call(url: string): Promise<void> {
    while (!this.#isOver) {
      try {
        const { status, body } = await call(url, { agent: this.#agent });
        if (status === 200) this.answers.push(body);
        else this.refused.push(`${status} ${body}`);
      } catch (error) {
        this.broken.push(String((error as NodeJS.ErrnoException).code));
      }
      for (const wake of this.#waiting) wake();
      this.#waiting.clear();
    }
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }
}
