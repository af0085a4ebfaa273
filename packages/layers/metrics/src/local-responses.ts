import type { Fault } from "@pagoda/core";
import type { CallNotes } from "@pagoda/http";
import { type ConstantLabels, other } from "./series.ts";

interface Cell {
  readonly labels: Readonly<Record<string, string>>;
  count: number;
}

/** Counts calls that ended with an error inside the stack. */
export class LocalResponses {
  readonly #cells = new Map<string, Cell>();
  readonly #routes: boolean;
  readonly #max: number;

  /**
   * @param routes Whether route and cluster are labels.
   * @param max Maximum number of series; calls beyond it count as `other`. Tags come from the
   *   program, but nothing bounds their number.
   */
  constructor(routes: boolean, max: number) {
    this.#routes = routes;
    this.#max = max;
  }

  get all(): readonly Cell[] {
    return [...this.#cells.values()];
  }

  /** Counts a call by the error's tag and, if the error wraps another one, that one's. */
  count({ _tag, ...fault }: Fault, notes: CallNotes, constant: ConstantLabels): void {
    const { reason } = fault as { readonly reason?: unknown };
    const cause = typeof reason === "string" && tag.test(reason) ? reason : "";
    const route = this.#routes ? (notes.route ?? "none") : "";
    const cluster = this.#routes ? (notes.cluster ?? "none") : "";
    this.#cell(constant, _tag, cause, route, cluster).count++;
  }

  #cell(constant: ConstantLabels, reason: string, cause: string, route: string, cluster: string): Cell {
    const key = JSON.stringify([constant, reason, cause, route, cluster]);
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    if (this.#cells.size >= this.#max && reason !== other)
      return this.#cell(constant, other, "", route && other, cluster && other);
    const labels = {
      ...constant,
      reason,
      ...(cause !== "" && { cause }),
      ...(this.#routes && { route, cluster }),
    };
    const cell: Cell = { labels, count: 0 };
    this.#cells.set(key, cell);
    return cell;
  }
}

/** Format of error tags. Any other reason is free text, which would create a series per message. */
const tag = /^[A-Z][A-Za-z0-9]{0,63}$/;
