import { upstreamOf } from "@pagoda/http";
import type { CallEnd } from "@pagoda/metrics";

/** Calls in the same place: the labels of the metrics. */
export interface Noted {
  readonly listener: string;
  readonly route: string;
  readonly cluster: string;
  readonly endpoint: string;
  readonly failed: number;
  readonly refused: number;
}

/** Places that are told apart. Clients cannot create any, but endpoints come and go. */
const maxPlaces = 10_000;

interface Place extends Noted {
  failed: number;
  refused: number;
}

/** Counts failed and refused calls by their place, with the labels of the metrics. */
export class CallCounts implements Iterable<Noted> {
  readonly #places = new Map<string, Place>();

  count(listener: string, { request: { notes }, fault }: CallEnd, reason: "failed" | "refused"): void {
    this.#place(listener, notes.route, notes.cluster, upstreamOf(notes, fault))[reason]++;
  }

  [Symbol.iterator](): Iterator<Noted> {
    return this.#places.values();
  }

  #place(listener: string, route = "none", cluster = "none", endpoint = "none"): Place {
    const key = `${listener}\n${route}\n${cluster}\n${endpoint}`;
    let place = this.#places.get(key);
    if (place !== undefined) return place;
    if (this.#places.size >= maxPlaces && endpoint !== "other")
      return this.#place(listener, route, cluster, "other");
    place = { listener, route, cluster, endpoint, failed: 0, refused: 0 };
    this.#places.set(key, place);
    return place;
  }
}
