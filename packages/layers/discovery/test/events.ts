/** Queue of events, to be awaited one by one. */
export interface Events<T> {
  readonly push: (event: T) => void;
  /** Returns the next event. */
  next(): Promise<T>;
  /** Number of events not yet taken by `next`. */
  readonly waiting: number;
}

export function events<T>(): Events<T> {
  const seen: T[] = [];
  let awaited: ((event: T) => void) | undefined;
  return {
    push(event) {
      if (awaited === undefined) {
        seen.push(event);
        return;
      }
      awaited(event);
      awaited = undefined;
    },
    next() {
      const event = seen.shift();
      if (event !== undefined) return Promise.resolve(event);
      return new Promise((resolve) => {
        awaited = resolve;
      });
    },
    get waiting() {
      return seen.length;
    },
  };
}
