import type { Service } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";

type Stack = Service<HttpRequest, HttpResponse>;

/**
 * The stacks of one configuration, by listener. They are in use until their last call has ended.
 */
export class Generation {
  readonly stacks: ReadonlyMap<string, Stack>;
  readonly #ended: () => void;
  #calls = 0;
  #superseded = false;

  /** @param ended Called once, when it has been superseded and its last call has ended. */
  constructor(stacks: ReadonlyMap<string, Stack>, ended: () => void) {
    this.stacks = stacks;
    this.#ended = ended;
  }

  begin(): void {
    this.#calls++;
  }

  /** Created once, since every call ends with it. */
  readonly over = (): void => {
    this.#calls--;
    if (this.#superseded && this.#calls === 0) this.#ended();
  };

  supersede(): void {
    this.#superseded = true;
    if (this.#calls === 0) this.#ended();
  }
}

/**
 * Returns a service that calls the newest stack of a listener and counts the calls of each
 * generation.
 */
export function latest(listener: string, generation: () => Generation): Stack {
  let last = generation();
  /** A removed listener keeps its last stack for the clients that are still connected. */
  const newest = (): Generation => {
    const now = generation();
    return now.stacks.has(listener) ? (last = now) : last;
  };
  const stackOf = ({ stacks }: Generation): Stack => stacks.get(listener) as Stack;
  return {
    ready: () => stackOf(newest()).ready(),
    call(request, signal) {
      const now = newest();
      now.begin();
      try {
        const result = stackOf(now).call(request, signal);
        result.then(now.over, now.over);
        return result;
      } catch (defect) {
        now.over();
        throw defect;
      }
    },
    describe: () => stackOf(newest()).describe(),
  };
}
