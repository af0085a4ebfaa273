/** A state, with the number of layers that hold it. */
interface Held {
  readonly value: unknown;
  holders: number;
}

/**
 * State that policies keep across reloads, by policy, place, and what the state is bound to. It
 * lives as long as a layer holds it: the layers of a new configuration are created before the last
 * call of the previous one has ended.
 */
export class States {
  readonly #all = new Map<string, Held>();

  /**
   * Returns the state of that name, or creates it. A name always has states of one type.
   *
   * @param boundTo Plain data: when it changes, the state is new.
   * @param atEnd Registers a function to run when the holding layer is gone.
   */
  hold<T>(name: string, boundTo: unknown, create: () => T, atEnd: (run: () => void) => void): T {
    const key = JSON.stringify([name, boundTo ?? null]);
    let held = this.#all.get(key);
    if (held === undefined) {
      held = { value: create(), holders: 0 };
      this.#all.set(key, held);
    }
    const { value } = held;
    const mine = held;
    mine.holders++;
    atEnd(() => {
      if (--mine.holders === 0) this.#all.delete(key);
    });
    return value as T;
  }
}
