import type { Ranges, Syntax } from "./parse.ts";

/** A transition: over a code unit in these ranges, or an epsilon transition. */
export interface Edge {
  readonly to: number;
  readonly ranges?: Ranges;
  /** A group begins (`2 * index`) or ends (`2 * index + 1`) here. */
  readonly mark?: number;
}

/**
 * Thompson's construction, from node 0 to `end`. The edges of a node are in order of preference.
 */
export interface Nfa {
  readonly nodes: readonly (readonly Edge[])[];
  readonly end: number;
}

/** Nested counted repetitions multiply. */
const maxNodes = 2_000;

/** @throws SyntaxError if the pattern is too large. */
export function nfaOf(syntax: Syntax): Nfa {
  const nodes: Edge[][] = [];

  function node(): number {
    if (nodes.length === maxNodes)
      throw new SyntaxError(`the pattern is too large: more than ${maxNodes} NFA states`);
    return nodes.push([]) - 1;
  }

  function edge(from: number, edge: Edge): void {
    (nodes[from] as Edge[]).push(edge);
  }

  /** @returns The node where the part ends. */
  function add(part: Syntax, from: number): number {
    switch (part.kind) {
      case "unit": {
        const to = node();
        edge(from, { to, ranges: part.ranges });
        return to;
      }
      case "sequence":
        return part.items.reduce((at, item) => add(item, at), from);
      case "choice": {
        const ends = part.items.map((item) => {
          const begin = node();
          edge(from, { to: begin });
          return add(item, begin);
        });
        const to = node();
        for (const end of ends) edge(end, { to });
        return to;
      }
      case "group": {
        const begin = node();
        edge(from, { to: begin, mark: 2 * part.index });
        const end = add(part.item, begin);
        const to = node();
        edge(end, { to, mark: 2 * part.index + 1 });
        return to;
      }
      case "repeat":
        return repeat(part, from);
    }
  }

  function repeat({ item, min, max, greedy }: Syntax & { readonly kind: "repeat" }, from: number): number {
    let at = from;
    for (let n = 0; n < min; n++) at = add(item, at);
    const to = node();
    if (max === Infinity) {
      const loop = node();
      edge(at, { to: loop });
      const body = node();
      for (const next of greedy ? [body, to] : [to, body]) edge(loop, { to: next });
      edge(add(item, body), { to: loop });
      return to;
    }
    for (let n = min; n < max; n++) {
      const body = node();
      for (const next of greedy ? [body, to] : [to, body]) edge(at, { to: next });
      at = add(item, body);
    }
    edge(at, { to });
    return to;
  }

  const start = node();
  const end = add(syntax, start);
  return { nodes, end };
}

/** The same with every edge reversed. */
export function reversed({ nodes }: Nfa): readonly (readonly Edge[])[] {
  const turned: Edge[][] = nodes.map(() => []);
  nodes.forEach((edges, from) => {
    for (const edge of edges) turned[edge.to]?.push({ ...edge, to: from });
  });
  return turned;
}
