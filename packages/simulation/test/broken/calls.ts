import {
  type Aborted,
  type Budget,
  budget,
  type BudgetOptions,
  type Either,
  isRight,
  layer,
  type Layer,
  left,
  type Replayable,
  type Service,
  ServiceBuilder,
  systemClock,
} from "@pagoda/core";
import { type Body, type BodyFlow, type BodySink, ReplayBody } from "@pagoda/http";
import { hedge, type HedgeOptions } from "@pagoda/hedge";
import { retry, type RetryOptions } from "@pagoda/retry";
import { type TimedOut, type TimeoutOptions } from "@pagoda/timeout";
import { recordedBytes } from "../../src/parts.ts";

/** A budget that never runs out. */
export function endlessBudget(options: BudgetOptions = {}): Budget {
  const real = budget(options);
  return { deposit: () => real.deposit(), withdraw: () => real.withdraw() || true, left: Infinity };
}

/** Deposits for each attempt instead of each call. */
export function depositsPerAttempt(options: RetryOptions = {}): Layer<Replayable, unknown, Aborted> {
  const { budget: real = budget() } = options;
  return retry({
    ...options,
    budget: {
      deposit: () => real.deposit(),
      withdraw() {
        real.deposit();
        return real.withdraw();
      },
      get left() {
        return real.left;
      },
    },
  });
}

/** Makes each call that may be hedged twice at once and never cancels the loser. */
export function leavesLosers(options: HedgeOptions = {}): Layer<Replayable> {
  const real = hedge(options);
  const racing = layer<Replayable>("hedge", (inner) => ({
    call(request, signal) {
      if (!request.replay.canHedge()) return inner.call(request, signal);
      return Promise.race([inner.call(request, signal), inner.call(request, signal)]);
    },
  }));
  return new ServiceBuilder<Replayable>().layer(racing).layer(real).asLayer();
}

interface Bugs {
  /** Leaks its timer. */
  readonly keepsTimer?: boolean;
  /** Leaks its listener on the caller's signal. */
  readonly keepsListener?: boolean;
  /** Propagates an abort in a later tick. */
  readonly isLate?: boolean;
  /** Never settles an aborted call. */
  readonly neverSettles?: boolean;
}

/** A timeout with the given bugs. */
export function brokenTimeout(bugs: Bugs) {
  return <Req>({ ms, clock = systemClock }: TimeoutOptions<Req>): Layer<Req, unknown, TimedOut> =>
    layer<Req, unknown, TimedOut>("timeout", (inner) => ({
      call: (request, signal) =>
        new Promise((resolve, reject) => {
          const controller = new AbortController();
          const onAbort = (): void => {
            if (bugs.isLate === true) queueMicrotask(() => controller.abort());
            else controller.abort();
          };
          const timer = clock.setTimer(ms, () => {
            resolve(left({ _tag: "TimedOut", origin: "upstream", retryable: true, afterMs: ms }));
            controller.abort();
          });
          if (signal?.aborted) onAbort();
          else signal?.addEventListener("abort", onAbort);
          const end = (): void => {
            if (bugs.keepsTimer !== true) clock.clearTimer(timer);
            if (bugs.keepsListener !== true) signal?.removeEventListener("abort", onAbort);
          };
          const answer = (async () => inner.call(request, controller.signal))();
          answer.finally(end).then((result) => {
            if (bugs.neverSettles !== true || signal?.aborted !== true) resolve(result);
          }, reject);
        }),
    }));
}

/** Returns the response of another call. */
export function mixesAnswers(options: HedgeOptions = {}): Layer<Replayable> {
  const real = hedge(options);
  const mixing = layer<Replayable>("hedge", <Res, Err>(inner: Service<Replayable, Res, Err>) => {
    let last: Either<Err, Res> | undefined;
    return {
      async call(request: Replayable, signal?: AbortSignal) {
        const own = await inner.call(request, signal);
        const given = last ?? own;
        if (isRight(own)) last = own;
        return isRight(own) ? given : own;
      },
    };
  });
  return new ServiceBuilder<Replayable>().layer(mixing).layer(real).asLayer();
}

/** Yields the first chunk twice when read again, like a bug of linkerd (linkerd2#15649). */
export class RepeatingBody extends ReplayBody {
  #readings = 0;

  override pipe(sink: BodySink): BodyFlow {
    let twice = ++this.#readings > 1;
    return super.pipe({
      write(chunk) {
        if (!twice) return sink.write(chunk);
        twice = false;
        sink.write(chunk);
        return sink.write(chunk);
      },
      end: (trailers) => sink.end(trailers),
      fail: (fault) => sink.fail(fault),
    });
  }
}

export const repeatsFirstChunk = (source: Body): ReplayBody => new RepeatingBody(source, recordedBytes);
