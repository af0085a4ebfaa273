/** What JSON can say: descriptions are printed, logged and served as they are. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** How a part of a stack is set and how it stands. */
export interface Details {
  /** How it was configured; does not change. */
  readonly options?: { readonly [name: string]: Json };
  /** How it stands at the moment of asking: counts, states, estimates. Cheap enough to be asked at any time. */
  readonly state?: () => { readonly [name: string]: Json };
}

/**
 * A stack as data: one node a service, outermost first. The admin endpoint, metric labels and the answer to
 * "why was this refused" read this tree.
 */
export interface Description {
  /** The layer's name, as its package is called, or the name given to a leaf. */
  readonly name: string;
  readonly options?: { readonly [name: string]: Json };
  readonly state?: { readonly [name: string]: Json };
  /** What it stands around: one for a layer, several for a balancer or a router, absent for a leaf. */
  readonly inner?: readonly Description[];
}
