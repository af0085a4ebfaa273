/** Steps in which debts are told apart. */
const perBurst = 32;
/**
 * Lists of debtors, by the time up to which they owe, in a ring. Twice as many as a debt can reach ahead, so a list
 * holds the debts of one step only.
 */
const ring = 2 * perBurst;
/** Two lists more: those whose time has come, and places that are free. */
const due = ring;
const free = ring + 1;
const firstPlace = ring + 2;
/** Places to begin with. */
const few = 256;
/** For each key that comes, so many of those that are due are looked at: more than one, so that those left grow fewer. */
const looksPerKey = 2;

/**
 * The keys that owe, each with the time up to which it does, and ordered by it roughly, so that the one that owes the
 * least is at hand. A key is in a list of those that owed up to about the same time when it was put there; when that
 * time has come, the list as a whole becomes due.
 *
 * What a key owes is only written down when it grows: the key is put where it belongs when it turns up at the front.
 * So a call costs one look-up, whatever it does to the order, and each call causes one such step later, at most.
 */
export class Debtors {
  readonly #max: number;
  readonly #idle: number;
  readonly #stepsPerCell: number;
  readonly #places = new Map<string, number>();
  readonly #keys: string[] = [];
  // Doubly linked lists by place; the first places are the heads of the lists.
  #paidUntil = new Float64Array(0);
  #next = new Int32Array(0);
  #before = new Int32Array(0);
  /** The step that is now, as far as the lists know. */
  #step = -Infinity;

  /**
   * @param burst How far ahead of now a debt may reach.
   * @param idle How long a key is kept after it has paid; it may come again, and then need not be added anew.
   */
  constructor(max: number, burst: number, idle: number) {
    this.#max = max;
    this.#idle = idle;
    this.#stepsPerCell = perBurst / burst;
    this.#grow(Math.min(few, max));
  }

  /** Keys that are kept. Some may have paid by now. */
  get size(): number {
    return this.#places.size;
  }

  /** Where a key stands, until the next one is added. */
  find(key: string): number | undefined {
    return this.#places.get(key);
  }

  paidUntil(place: number): number {
    return this.#paidUntil[place] as number;
  }

  /** A key that is kept owes more. */
  owes(place: number, paidUntil: number): void {
    this.#paidUntil[place] = paidUntil;
  }

  /** A key comes that is not kept, for which another one may have to be forgotten. */
  add(key: string, paidUntil: number, at: number): void {
    this.#advance(at);
    for (let looks = 0; looks < looksPerKey && this.#first(due) !== due; looks++) this.#tidy(at);
    if (this.size === this.#max) this.#forget(this.#cheapest(at));
    if (this.#first(free) === free) this.#grow(Math.min(2 * this.size, this.#max));
    const place = this.#first(free);
    this.#places.set(key, place);
    this.#keys[place] = key;
    this.#paidUntil[place] = paidUntil;
    this.#put(place, this.#listOf(place));
  }

  /** The first of those that are due goes where it belongs. */
  #tidy(at: number): void {
    const place = this.#first(due);
    const paidUntil = this.paidUntil(place);
    if (paidUntil > at) this.#put(place, this.#listOf(place));
    else if (paidUntil + this.#idle > at) this.#put(place, due);
    else this.#forget(place);
  }

  #forget(place: number): void {
    this.#places.delete(this.#keys[place] as string);
    this.#keys[place] = "";
    this.#put(place, free);
  }

  /** One that owes nothing, or else one of those that owe the least. Not all lists are empty when it is asked. */
  #cheapest(at: number): number {
    for (let place = this.#first(due); place !== due; place = this.#first(due)) {
      if (this.paidUntil(place) <= at) return place;
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
    return slot(Math.floor(this.paidUntil(place) * this.#stepsPerCell));
  }

  /** The lists whose time has come become due. */
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
    const paidUntil = new Float64Array(to);
    const next = new Int32Array(to);
    const before = new Int32Array(to);
    paidUntil.set(this.#paidUntil);
    next.set(this.#next);
    before.set(this.#before);
    this.#paidUntil = paidUntil;
    this.#next = next;
    this.#before = before;
    for (let place = from; place < to; place++) this.#join(place, place);
    for (let place = Math.max(from, firstPlace); place < to; place++) this.#put(place, free);
  }
}

/** Where in the ring a step has its list. Steps may be too many for the whole numbers that `%` is fast with. */
function slot(step: number): number {
  return step - ring * Math.floor(step / ring);
}
