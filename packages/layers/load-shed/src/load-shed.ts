import { type Fault, isReady, layer, type Layer } from "@pagoda/core";
import { left } from "fp-ts/lib/Either.js";

/** What is inside cannot take a call now. Nothing was sent, so it says nothing about the upstream. */
export interface Overloaded extends Fault<"Overloaded"> {
  readonly origin: "local";
  readonly retryable: true;
}

/** Told what happens, for metrics and logs. Must not throw. */
export interface LoadShedObserver {
  /** A call was refused. */
  readonly shed?: () => void;
}

export interface LoadShedOptions {
  readonly observer?: LoadShedObserver;
}

const overloaded = left<Overloaded, never>({ _tag: "Overloaded", origin: "local", retryable: true });

/**
 * Refuses a call at once while inner is not ready, and is always ready itself: nobody waits outside of it. Whatever
 * makes inner not ready (a concurrency limit, a full buffer, no endpoint) turns into one typed error here. Use it where
 * a late answer is worth less than a quick refusal, as at the entry of a server.
 *
 * It stands outside of what has a limit. Directly around a layer that refuses by itself it changes only the error.
 *
 * Errors: {@link Overloaded}, for a call that inner would not admit in the tick in which it comes.
 *
 * Cost per call: the asking of inner's readiness, and about 3 ns; it gives inner's own promise.
 *
 * Source: Tower's `load_shed`.
 */
export function loadShed({ observer }: LoadShedOptions = {}): Layer<unknown, unknown, Overloaded> {
  return layer<unknown, unknown, Overloaded>("load-shed", (inner) => {
    let shed = 0;

    return {
      state: () => ({ shed }),
      ready: () => undefined,
      call(request, signal) {
        try {
          if (isReady(inner)) return inner.call(request, signal);
        } catch (defect) {
          return Promise.reject(defect);
        }
        shed++;
        observer?.shed?.();
        return Promise.resolve(overloaded);
      },
    };
  });
}
