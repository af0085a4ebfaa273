/** What was told, to be awaited one by one in its order. */
export interface Events<T> {
  readonly push: (event: T) => void;
  /** The next one that `next` has not given yet. */
  next(): Promise<T>;
  /** How many `next` has not given yet. */
  readonly waiting: number;
}

export function events<T>(): Events<T> {
  const told: T[] = [];
  let awaited: ((event: T) => void) | undefined;
  return {
    push(event) {
      if (awaited === undefined) {
        told.push(event);
        return;
      }
      awaited(event);
      awaited = undefined;
    },
    next() {
      const event = told.shift();
      if (event !== undefined) return Promise.resolve(event);
      return new Promise((resolve) => {
        awaited = resolve;
      });
    },
    get waiting() {
      return told.length;
    },
  };
}
