/** Resolution of the order: steps per burst of debt. */
const stepsPerBurst = 32;
/**
 * Lists of keys by TAT, in a ring. There are twice as many as a TAT can be ahead of now, so each
 * list holds the keys of one step only.
 */
const ring = 2 * stepsPerBurst;
/** Two more lists: keys whose step has passed, and free places. */
const due = ring;
const free = ring + 1;
const firstPlace = ring + 2;
/** Initial number of places. */
const initialPlaces = 256;
/** Due keys checked per added key. More than one, so that the backlog shrinks. */
const checksPerAdd = 2;

/**
 * Throttled keys with their theoretical arrival times (TATs), roughly ordered by TAT to find the
 * least throttled key quickly. A key is in the list of the step of its TAT at the time it was
 * inserted. Once that step has passed, the whole list becomes due.
 *
 * A later TAT is only recorded; the key moves to its new list when it reaches the front of the old
 * one. So a call costs one lookup, and causes at most one move later.
 */
export class ThrottledKeys {
  readonly #max: number;
  readonly #idle: number;
  readonly #stepsPerCell: number;
  readonly #places = new Map<string, number>();
  readonly #keys: string[] = [];
  // Doubly linked lists of places; the first places are the heads of the lists.
  #tat = new Float64Array(0);
  #next = new Int32Array(0);
  #before = new Int32Array(0);
  /** The current step of the lists. */
  #step = -Infinity;

  /**
   * @param burst How far ahead of now a TAT may be.
   * @param idle How long a key is kept after its TAT. If it comes again, it need not be added
   * again.
   */
  constructor(max: number, burst: number, idle: number) {
    this.#max = max;
    this.#idle = idle;
    this.#stepsPerCell = stepsPerBurst / burst;
    this.#grow(Math.min(initialPlaces, max));
  }

  /** Number of keys. Some may no longer be throttled. */
  get size(): number {
    return this.#places.size;
  }

  /** Returns the place of a key, valid until the next `add`. */
  find(key: string): number | undefined {
    return this.#places.get(key);
  }

  tat(place: number): number {
    return this.#tat[place] as number;
  }

  /** Sets a later TAT of a known key. */
  update(place: number, tat: number): void {
    this.#tat[place] = tat;
  }

  /** Adds a new key, evicting another one if necessary. */
  add(key: string, tat: number, at: number): void {
    this.#advance(at);
    for (let checks = 0; checks < checksPerAdd && this.#first(due) !== due; checks++) this.#tidy(at);
    if (this.size === this.#max) this.#forget(this.#leastThrottled(at));
    if (this.#first(free) === free) this.#grow(Math.min(2 * this.size, this.#max));
    const place = this.#first(free);
    this.#places.set(key, place);
    this.#keys[place] = key;
    this.#tat[place] = tat;
    this.#put(place, this.#listOf(place));
  }

  /** Moves the first due key to where it belongs. */
  #tidy(at: number): void {
    const place = this.#first(due);
    const tat = this.tat(place);
    if (tat > at) this.#put(place, this.#listOf(place));
    else if (tat + this.#idle > at) this.#put(place, due);
    else this.#forget(place);
  }

  #forget(place: number): void {
    this.#places.delete(this.#keys[place] as string);
    this.#keys[place] = "";
    this.#put(place, free);
  }

  /**
   * Returns an unthrottled key, or else one with the earliest step. There must be at least one key.
   */
  #leastThrottled(at: number): number {
    for (let place = this.#first(due); place !== due; place = this.#first(due)) {
      if (this.tat(place) <= at) return place;
      this.#put(place, this.#listOf(place));
    }
    for (let step = this.#step; ;) {
      const list = slot(step);
      const place = this.#first(list);
      if (place === list) step++;
      else if (this.#listOf(place) === list) return place;
      else this.#put(place, this.#listOf(place));
    }
  }

  #listOf(place: number): number {
    return slot(Math.floor(this.tat(place) * this.#stepsPerCell));
  }

  /** Makes lists of past steps due. */
  #advance(at: number): void {
    const now = Math.floor(at * this.#stepsPerCell);
    if (now <= this.#step) return;
    for (let step = Math.max(this.#step, now - ring); step < now; step++) this.#becomeDue(slot(step));
    this.#step = now;
  }

  #becomeDue(list: number): void {
    const first = this.#first(list);
    if (first === list) return;
    const last = this.#before[list] as number;
    this.#join(this.#before[due] as number, first);
    this.#join(last, due);
    this.#join(list, list);
  }

  #first(list: number): number {
    return this.#next[list] as number;
  }

  /** Moves a place to the end of a list. */
  #put(place: number, list: number): void {
    this.#join(this.#before[place] as number, this.#next[place] as number);
    this.#join(this.#before[list] as number, place);
    this.#join(place, list);
  }

  #join(before: number, next: number): void {
    this.#next[before] = next;
    this.#before[next] = before;
  }

  #grow(places: number): void {
    const from = this.#next.length;
    const to = firstPlace + places;
    const tat = new Float64Array(to);
    const next = new Int32Array(to);
    const before = new Int32Array(to);
    tat.set(this.#tat);
    next.set(this.#next);
    before.set(this.#before);
    this.#tat = tat;
    this.#next = next;
    this.#before = before;
    for (let place = from; place < to; place++) this.#join(place, place);
    for (let place = Math.max(from, firstPlace); place < to; place++) this.#put(place, free);
  }
}

/** List of a step in the ring. Steps may exceed the integers for which `%` is fast. */
function slot(step: number): number {
  return step - ring * Math.floor(step / ring);
}
