import type { Json } from "@pagoda/core";
import { edited, type EndpointEdits } from "./endpoint-edits.ts";
import type { Endpoints, Origin } from "./origin.ts";

/** Endpoints that the main process has discovered for all workers. */
export interface Central {
  /** Their source: see `sourceOf`. */
  readonly source: string;
  readonly endpoints: readonly Origin[];
  /** Why the last discovery failed; undefined if it succeeded. */
  readonly lastError: string | undefined;
  /** Further facts about the source, for operators. */
  readonly state: Readonly<Record<string, Json>>;
}

/** The same as a change of what was sent last. */
export interface CentralUpdate extends Omit<Central, "endpoints"> {
  readonly edits: EndpointEdits;
}

/** Endpoints that the main process discovers and sends, by source. */
export class CentralEndpoints {
  readonly #sources = new Map<string, Received>();

  /** Takes the current state of a source. */
  receive(update: CentralUpdate): void {
    this.#of(update.source).receive(update);
  }

  /** The endpoints of a source, of which the main process has sent the first ones. */
  of(source: string): Endpoints {
    const received = this.#of(source);
    const mine = new Set<() => void>();
    return {
      started: Promise.resolve(),
      get endpoints() {
        return received.endpoints;
      },
      get lastError() {
        return received.lastError;
      },
      state: () => received.state,
      subscribe(changed) {
        const end = received.subscribe(changed);
        mine.add(end);
        return end;
      },
      update() {},
      close() {
        for (const end of mine) end();
      },
    };
  }

  /** Forgets the sources that are not among these. */
  keep(sources: ReadonlySet<string | undefined>): void {
    for (const source of this.#sources.keys()) if (!sources.has(source)) this.#sources.delete(source);
  }

  #of(source: string): Received {
    const known = this.#sources.get(source);
    if (known !== undefined) return known;
    const received = new Received();
    this.#sources.set(source, received);
    return received;
  }
}

class Received {
  endpoints: readonly Origin[] = [];
  lastError: string | undefined;
  state: Central["state"] = {};
  readonly #subscribers = new Set<{ readonly changed: () => void }>();

  receive({ edits, lastError, state }: CentralUpdate): void {
    const endpoints = edited(this.endpoints, edits);
    const isChanged = endpoints !== this.endpoints;
    Object.assign(this, { endpoints, lastError, state });
    if (isChanged) for (const { changed } of Array.from(this.#subscribers)) changed();
  }

  subscribe(changed: () => void): () => void {
    const subscriber = { changed };
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }
}
