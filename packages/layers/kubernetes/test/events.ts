/** Events, to be awaited one by one. */
export interface Events<T> {
  readonly push: (event: T) => void;
  /** Returns the next event, past or future. */
  next(): Promise<T>;
  /** All events so far. */
  readonly all: readonly T[];
}

export function events<T>(): Events<T> {
  const all: T[] = [];
  const waiting: (() => void)[] = [];
  let taken = 0;
  return {
    all,
    push(event) {
      all.push(event);
      waiting.shift()?.();
    },
    async next() {
      const at = taken++;
      if (at >= all.length) await new Promise<void>((resolve) => waiting.push(resolve));
      return all[at] as T;
    },
  };
}
