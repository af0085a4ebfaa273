import { layer, type Layer } from "@pagoda/core";
import type { Request, Result, Stack } from "./request.ts";

/** One call on its way past a probe. */
export interface Passage {
  readonly request: Request;
  readonly signal: AbortSignal | undefined;
  /** For the observer's own bookkeeping. */
  note: number;
}

/** Sees what passes at one place of a stack. Each function runs in the very moment, and nothing else runs between. */
export interface Watch {
  /** The place is in this stack, around this service. */
  readonly placed?: (inner: Stack) => void;
  /** A call is about to be made. */
  readonly entered?: (passage: Passage) => void;
  /** It has been made: whatever inner does at once has been done. */
  readonly made?: (passage: Passage) => void;
  /** The call has ended; its caller is notified next. `undefined`: it ended with a defect. */
  readonly left?: (passage: Passage, result: Result | undefined) => void;
}

/**
 * A layer that only looks. It gives inner's own promise, and listens first: so what it sees happens right before
 * the layer around it hears of it, with nothing between, and a model of that layer is never ahead of it nor behind.
 */
export function probe(...watches: readonly Watch[]): Layer<Request> {
  const entered = watches.flatMap((watch) => watch.entered ?? []);
  const made = watches.flatMap((watch) => watch.made ?? []);
  const ended = watches.flatMap((watch) => watch.left ?? []);

  return layer<Request>("probe", (inner) => {
    for (const watch of watches) watch.placed?.(inner as Stack);

    return {
      call(request, signal) {
        const passage: Passage = { request, signal, note: 0 };
        for (const see of entered) see(passage);
        let answer: ReturnType<typeof inner.call>;
        try {
          answer = inner.call(request, signal);
        } catch (defect) {
          for (const see of ended) see(passage, undefined);
          throw defect;
        }
        for (const see of made) see(passage);
        if (ended.length > 0) {
          void answer.then(
            (result) => {
              for (const see of ended) see(passage, result as Result);
            },
            () => {
              for (const see of ended) see(passage, undefined);
            },
          );
        }
        return answer;
      },
    };
  });
}

/** What an invariant watches a layer by. */
export interface Both {
  readonly outside: Watch;
  readonly inside: Watch;
}
