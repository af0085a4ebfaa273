/** A state, and by how many layers it is held. */
interface Held {
  readonly value: unknown;
  holders: number;
}

/**
 * State that policies keep across reloads, by policy, place, and what the state is bound to. It lives as long as a layer
 * holds it: the layers of a new configuration are made before the last call of the previous one has ended.
 */
export class States {
  readonly #all = new Map<string, Held>();

  /**
   * The state of that name, or else a new one. A name always has states of one type.
   *
   * @param boundTo Plain data: where it is another one, so is the state.
   * @param atEnd Registers what runs when the layer that asks is gone.
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
