interface Entry {
  readonly settings: string;
  readonly value: unknown;
}

/**
 * What has a name and stays when the configuration changes, as long as its own settings are the same, such as the budget
 * of a route's retries. Each configuration has its own, made out of the one before: what it does not ask for is
 * forgotten.
 */
export class Kept {
  readonly #before: ReadonlyMap<string, Entry>;
  readonly #entries = new Map<string, Entry>();

  constructor(before?: Kept) {
    this.#before = before === undefined ? new Map() : before.#entries;
  }

  /** What is kept under that name with the same settings, or else a new one. A name always has values of one type. */
  get<T>(name: string, settings: unknown, make: () => T): T {
    const text = JSON.stringify(settings);
    const known = this.#entries.get(name) ?? this.#before.get(name);
    const entry = known?.settings === text ? known : { settings: text, value: make() };
    this.#entries.set(name, entry);
    return entry.value as T;
  }
}
