import { type Fault, isReady, layer, responseClassifier } from "@pagoda/core";
import { type Kit, mockService, virtualClock } from "@pagoda/core/testing";
import { Race, type Rules } from "../src/race.ts";

export interface Sample extends Fault<"Sample"> {}
export const again: Sample = { _tag: "Sample", origin: "upstream", retryable: true };
export const final: Sample = { _tag: "Sample", origin: "upstream", retryable: false };
export const refused: Sample = { _tag: "Sample", origin: "local", retryable: false };

export type Change = Partial<Pick<Rules<string, string, Sample>, "admit" | "classifier">>;

/** A layer that hedges each call after 100 ms, and its events. */
export function racing({ clock }: Pick<Kit, "clock">, change: Change = {}) {
  const events: string[] = [];
  const record =
    (what: string) =>
    (...values: readonly unknown[]) =>
      void events.push([what, ...values].join(" "));
  const made = layer<string>("race", (inner) => ({
    call: (request, signal) =>
      new Race(
        {
          inner,
          clock,
          classifier: responseClassifier(),
          admit: () => isReady(inner),
          learn: (now, ms) => record("learned")(ms, "at", now),
          hedged: record("hedged after"),
          won: record("won"),
          ...change,
        },
        request,
        signal,
        clock.now(),
        100,
      ).promise,
  }));
  return { made, events };
}

/** A call in flight for 100 ms, and its second call. */
export async function pair(change: Change = {}, caller?: AbortSignal) {
  const clock = virtualClock();
  const mock = mockService<string, string, Sample>();
  const { made, events } = racing({ clock }, change);
  const result = made(mock.service).call("a", caller);
  const first = await mock.next();
  await clock.advance(100);
  const second = await mock.next();
  return { clock, mock, events, result, first, second };
}
