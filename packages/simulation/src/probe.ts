import { layer, type Layer } from "@pagoda/core";
import type { Request, Result, Stack } from "./request.ts";

/** A call that passes a probe. */
export interface ObservedCall {
  readonly request: Request;
  readonly signal: AbortSignal | undefined;
  /** Free for the observer. */
  note: number;
}

/** Observes one place of a stack. Each function runs synchronously with the event. */
export interface Watch {
  /** The probe was placed around `inner`. */
  readonly placed?: (inner: Stack) => void;
  /** Inner is about to be called. */
  readonly entered?: (call: ObservedCall) => void;
  /** Inner's `call` has returned its promise. */
  readonly made?: (call: ObservedCall) => void;
  /** The promise has settled, and the caller is notified next. `result` is `undefined` after a defect. */
  readonly left?: (call: ObservedCall, result: Result | undefined) => void;
}

/**
 * A layer that only observes. It returns inner's own promise and subscribes first, so it observes each event
 * immediately before the layer around it does: a model of that layer is never ahead or behind.
 */
export function probe(...watches: readonly Watch[]): Layer<Request> {
  const entered = watches.flatMap((watch) => watch.entered ?? []);
  const made = watches.flatMap((watch) => watch.made ?? []);
  const ended = watches.flatMap((watch) => watch.left ?? []);

  return layer<Request>("probe", (inner) => {
    for (const watch of watches) watch.placed?.(inner as Stack);

    return {
      call(request, signal) {
        const call: ObservedCall = { request, signal, note: 0 };
        for (const see of entered) see(call);
        let answer: ReturnType<typeof inner.call>;
        try {
          answer = inner.call(request, signal);
        } catch (defect) {
          for (const see of ended) see(call, undefined);
          throw defect;
        }
        for (const see of made) see(call);
        if (ended.length > 0) {
          void answer.then(
            (result) => {
              for (const see of ended) see(call, result as Result);
            },
            () => {
              for (const see of ended) see(call, undefined);
            },
          );
        }
        return answer;
      },
    };
  });
}

/** Observers on both sides of a layer. */
export interface LayerWatch {
  readonly outside: Watch;
  readonly inside: Watch;
}
