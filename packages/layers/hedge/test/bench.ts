import { type Fault, idempotent, type Replayable } from "@pagoda/core";
import { mockService, type VirtualClock, virtualClock } from "@pagoda/core/testing";
import { hedge, type HedgeOptions } from "@pagoda/hedge";

export interface Down extends Fault<"Down"> {}
export const down: Down = { _tag: "Down", origin: "upstream", retryable: true };
export const request: Replayable = { replay: idempotent };

export function bench(options: HedgeOptions = {}) {
  const clock = virtualClock();
  const mock = mockService<Replayable, string, Down>();
  const observer = { hedged: [] as unknown[], won: [] as unknown[] };
  const layered = hedge({
    maxExtraLoad: 0.1,
    windowMs: 1_000,
    minSamples: 10,
    clock,
    observer: { hedged: (event) => observer.hedged.push(event), won: (which) => observer.won.push(which) },
    ...options,
  })(mock.service);
  const call = (signal?: AbortSignal, of: Replayable = request) => layered.call(of, signal);
  /** Makes ten calls per second of 20 ms each, and ends at the start of a period. */
  async function traffic(seconds = 1): Promise<void> {
    for (let n = 0; n < seconds * 10; n++) {
      const result = call();
      const inner = await mock.next();
      await clock.advance(20);
      inner.answer("quick");
      await result;
      await clock.advance(80);
    }
  }
  return { clock, mock, layered, observer, call, traffic, state: () => layered.describe().state };
}

/** A call in flight for longer than almost all others, and its second call, if made. */
export async function slow(
  { clock, mock, call }: { clock: VirtualClock } & Pick<ReturnType<typeof bench>, "mock" | "call">,
  ...args: Parameters<ReturnType<typeof bench>["call"]>
) {
  const before = mock.calls.length;
  const result = call(...args);
  await clock.advance(200);
  const [first, second] = mock.calls.slice(before);
  return { result, first, second };
}
