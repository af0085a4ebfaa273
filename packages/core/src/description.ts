/** A JSON value: descriptions are printed, logged and served without conversion. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** The options and live state of a part of a stack. */
export interface Details {
  /** Its configuration, which does not change. */
  readonly options?: { readonly [name: string]: Json };
  /** Returns its current state: counts, states, estimates. Cheap enough to call at any time. */
  readonly state?: () => { readonly [name: string]: Json };
}

/**
 * A stack as data: one node per service, outermost first. The admin endpoint and metric labels read
 * this tree, and it explains why a call was refused.
 */
export interface Description {
  /** The layer's name, which is that of its package, or the name given to a leaf. */
  readonly name: string;
  readonly options?: { readonly [name: string]: Json };
  readonly state?: { readonly [name: string]: Json };
  /** Inner services: one for a layer, several for a balancer or a router, absent for a leaf. */
  readonly inner?: readonly Description[];
}
