import type { HealthSource, Outcome } from "@pagoda/core";

/** A health source controlled by the test, which records the outcomes it receives. */
export class Operator implements HealthSource {
  readonly name: string;
  /** The watched endpoints. */
  readonly watched = new Map<string, () => void>();
  readonly learned: string[] = [];
  readonly #ill: Set<string>;
  readonly #learns: boolean;

  readonly #withdraws: boolean;

  /** @param withdraws Whether those that are ill are withdrawn. */
  constructor(name = "operator", { ill = [] as readonly string[], learns = false, withdraws = false } = {}) {
    this.name = name;
    this.#ill = new Set(ill);
    this.#learns = learns;
    this.#withdraws = withdraws;
  }

  watch({ key }: { readonly key: string }, changed: () => void): ReturnType<HealthSource["watch"]> {
    this.watched.set(key, changed);
    const ill = this.#ill;
    const withdraws = this.#withdraws;
    return {
      get withdrawn() {
        return withdraws && ill.has(key);
      },
      get healthy() {
        return !ill.has(key);
      },
      ...(this.#learns && { ended: ({ kind }: Outcome) => this.learned.push(`${key} ${kind}`) }),
      state: () => ({ ill: ill.has(key) }),
      close: () => {
        if (!this.watched.delete(key)) this.learned.push(`${key} closed twice`);
      },
    };
  }

  say(key: string, healthy: boolean): void {
    const changed = this.watched.get(key);
    if (healthy) this.#ill.delete(key);
    else this.#ill.add(key);
    changed?.();
  }
}
