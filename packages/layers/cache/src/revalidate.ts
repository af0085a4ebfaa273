import { discardResponse, isLeft, isReady, Scope, timeoutError } from "@pagoda/core";
import { callNotes, type HttpRequest, type HttpResponse, noFlow } from "@pagoda/http";
import { withoutConditions } from "./conditional.ts";
import { type Context, Forwarding } from "./forwarding.ts";
import type { Kept } from "./kept.ts";
import type { Demands } from "./reuse.ts";

/**
 * Validates a stored response in the background, unless that is already happening or the origin is
 * not ready. Ends, its body included, within `revalidateTimeoutMs`.
 */
export function revalidate<Res extends HttpResponse, Err>(
  context: Context<Res, Err>,
  key: string,
  request: HttpRequest,
  demands: Demands,
  kept: Kept,
): void {
  const { inner, inFlight, settings } = context;
  if (inFlight.has(key) || !isReady(inner)) return;
  const { clock, revalidateTimeoutMs, observer } = settings;
  const scope = new Scope(undefined);
  scope.deadline = clock.now() + revalidateTimeoutMs;
  let flow = noFlow;
  const timer = clock.setTimer(revalidateTimeoutMs, () => {
    const reason = timeoutError(`validation did not end within ${revalidateTimeoutMs} ms`);
    observer.revalidationFailed?.(reason);
    scope.abort(reason);
    flow.cancel(reason);
  });
  const end = (): void => clock.clearTimer(timer);
  const failed = (error: unknown): void => {
    if (!scope.signal.aborted) observer.revalidationFailed?.(error);
    end();
  };
  // For no client in particular, with notes of its own and nobody to inform.
  const own = { ...withoutConditions(request), method: "GET", notes: callNotes(), onInformation: undefined };
  const forwarding = new Forwarding(context, key, own, demands, kept, true);
  inFlight.set(key, forwarding);
  const result = forwarding.join(scope.signal);
  forwarding.start(scope.signal, false);
  void result.then((settled) => {
    if (isLeft(settled)) return failed(settled.left);
    const outcome = settled.right;
    if (outcome.kind === "stored") {
      flow = outcome.body().pipe({ write: () => true, end, fail: failed });
      return undefined;
    }
    if (outcome.kind === "own") discardResponse(outcome.response);
    return end();
  }, failed);
}
