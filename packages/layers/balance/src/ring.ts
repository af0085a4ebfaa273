import { type HashTable, compareKeys, greatestWeight, type Weighted } from "./hash-table.ts";
import { golden, hash, mix, otherSeed } from "./hash.ts";

/**
 * A point and the number of its endpoint are packed into 53 bits, which leaves this many endpoints.
 */
const endpointsLimit = 2 ** 21;
const gone = -1;

export interface RingSettings {
  /** Points per endpoint of the greatest weight. */
  readonly points: number;
  readonly seed: number;
}

/** An endpoint on the ring. */
interface Entry {
  readonly place: number;
  readonly points: number;
}

/**
 * The sorted points of all endpoints. A hash belongs to the endpoint of the next point.
 *
 * The points of an endpoint depend on its key and on its weight relative to the greatest, so only
 * its own keys move when it is added or removed. A ring made from a previous one keeps its points
 * in order and sorts only new ones.
 */
export class Ring implements HashTable {
  readonly owners: Uint32Array;
  readonly #points: Uint32Array;
  readonly #entries = new Map<string, Entry>();
  /** Index of the first point for each value of a hash's leading bits. */
  readonly #starts: Uint32Array;
  readonly #shift: number;

  /** @param before The ring of the previous list, with the same settings. */
  constructor(list: readonly Weighted[], settings: RingSettings, before?: Ring) {
    const known = before === undefined ? new Map<string, Entry>() : before.#entries;
    const greatest = greatestWeight(list);
    const newcomers: number[] = [];
    const stays = new Int32Array(known.size).fill(gone);
    let size = 0;
    for (const [place, { key, weight }] of list.entries()) {
      const points = Math.max(1, Math.round(settings.points * (weight / greatest)));
      const old = known.get(key);
      if (old?.points === points) stays[old.place] = place;
      else newcomers.push(place);
      this.#entries.set(key, { place, points });
      size += points;
    }
    this.owners = new Uint32Array(size);
    this.#points = new Uint32Array(size);
    this.#merge(list, this.#pointsOf(list, newcomers, settings.seed), newcomers, before, stays);

    // One or two points per entry. A larger index is read at random, and costs more than it saves.
    const bits = Math.min(24, Math.ceil(Math.log2(Math.max(4, size))) - 1);
    this.#shift = 32 - bits;
    this.#starts = new Uint32Array(2 ** bits);
    let start = 0;
    for (let first = 0; first < this.#starts.length; first++) {
      while (start < size && (this.#points[start] as number) >>> this.#shift < first) start++;
      this.#starts[first] = start;
    }
  }

  find(wanted: number): number {
    const points = this.#points;
    const { length } = points;
    let at = this.#starts[wanted >>> this.#shift] as number;
    while (at < length && (points[at] as number) < wanted) at++;
    // Wraps around after the last point.
    return at < length ? at : 0;
  }

  /**
   * Returns the sorted points of new endpoints, each packed with the endpoint's number in order of
   * keys.
   */
  #pointsOf(list: readonly Weighted[], newcomers: number[], seed: number): Float64Array {
    newcomers.sort((a, b) => compareKeys(list[a] as Weighted, list[b] as Weighted));
    const entries = newcomers.map((place) => this.#entries.get((list[place] as Weighted).key) as Entry);
    const fresh = new Float64Array(entries.reduce((sum, { points }) => sum + points, 0));
    let at = 0;
    for (const [number, { place, points }] of entries.entries()) {
      const { key } = list[place] as Weighted;
      // Two hashes, since with one of 32 bits two of many endpoints could have the same points.
      const one = hash(key, seed);
      const other = hash(key, otherSeed(seed));
      for (let n = 0; n < points; n++) {
        const point = mix(one ^ mix(other + Math.imul(n, golden)));
        fresh[at++] = point * endpointsLimit + number;
      }
    }
    return fresh.toSorted();
  }

  /**
   * Merges the points kept from the previous ring with new ones. Equal points are ordered by key.
   */
  #merge(
    list: readonly Weighted[],
    fresh: Float64Array,
    newcomers: readonly number[],
    before: Ring | undefined,
    stays: Int32Array,
  ): void {
    const { owners } = this;
    const points = this.#points;
    let at = 0;
    let old = 0;
    const oldPoints = before === undefined ? new Uint32Array() : before.#points;
    const oldOwners = before === undefined ? new Uint32Array() : before.owners;
    for (const packed of fresh) {
      const point = Math.floor(packed / endpointsLimit);
      const owner = newcomers[packed - point * endpointsLimit] as number;
      for (; old < oldPoints.length && (oldPoints[old] as number) <= point; old++) {
        const stayed = stays[oldOwners[old] as number] as number;
        if (stayed === gone) continue;
        const isTie = oldPoints[old] === point;
        if (isTie && compareKeys(list[stayed] as Weighted, list[owner] as Weighted) > 0) break;
        points[at] = oldPoints[old] as number;
        owners[at++] = stayed;
      }
      points[at] = point;
      owners[at++] = owner;
    }
    for (; old < oldPoints.length; old++) {
      const stayed = stays[oldOwners[old] as number] as number;
      if (stayed === gone) continue;
      points[at] = oldPoints[old] as number;
      owners[at++] = stayed;
    }
  }
}
