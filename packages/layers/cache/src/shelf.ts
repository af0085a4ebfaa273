import type { HttpRequest } from "@pagoda/http";
import type { CacheStore } from "./store.ts";
import type { StoredResponse } from "./stored-response.ts";
import { isSelected } from "./vary.ts";

/** Most variants of one URI. */
const maxVariants = 32;

type Variants = readonly StoredResponse[];

/** The store, made safe: whatever it does, calls are answered. */
export class Shelf {
  readonly #store: CacheStore;
  readonly #onError: (error: unknown) => void;

  constructor(store: CacheStore, onError: (error: unknown) => void) {
    this.#store = store;
    this.#onError = onError;
  }

  get(key: string): Variants | Promise<Variants> {
    return this.#attempt<Variants | undefined, Variants>(
      () => this.#store.get(key),
      (variants = []) => variants,
      () => [],
    );
  }

  /** Stores a response in place of those that the request would have selected. */
  put(key: string, request: HttpRequest, stored: StoredResponse): void | Promise<void> {
    return this.#change(key, (variants) => [stored, ...others(variants, request)].slice(0, maxVariants));
  }

  /** Removes the responses that the request would have selected. */
  drop(key: string, request: HttpRequest): void | Promise<void> {
    return this.#change(key, (variants) => others(variants, request));
  }

  delete(key: string): void | Promise<void> {
    return this.#attempt(
      () => this.#store.delete(key),
      () => {},
      () => {},
    );
  }

  #change(key: string, change: (variants: Variants) => Variants): void | Promise<void> {
    return this.#attempt<Variants | undefined, void | Promise<void>>(
      () => this.#store.get(key),
      (variants = []) => {
        const changed = change(variants);
        if (changed.length === 0) return variants.length === 0 ? undefined : this.delete(key);
        return this.#attempt(
          () => this.#store.put(key, changed),
          () => {},
          () => {},
        );
      },
      () => {},
    ) as void | Promise<void>;
  }

  #attempt<T, R>(act: () => T | Promise<T>, then: (result: T) => R, otherwise: () => R): R | Promise<R> {
    const failed = (error: unknown): R => {
      this.#onError(error);
      return otherwise();
    };
    try {
      const result = act();
      return result instanceof Promise ? result.then(then, failed) : then(result);
    } catch (error) {
      return failed(error);
    }
  }
}

function others(variants: Variants, request: HttpRequest): Variants {
  return variants.filter(({ selectedBy }) => !isSelected(selectedBy, request));
}
