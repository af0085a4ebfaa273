import { layer, type Layer, type Clock, type Service } from "@pagoda/core";
import { timeout, type TimedOut } from "@pagoda/timeout";
import type { CallRequest } from "./call-request.ts";

/**
 * How many limits of single calls are remembered. A program has a handful; one that computes them
 * must not fill the memory.
 */
const maxRemembered = 100;

/**
 * `timeout` with the limit of the call, if it has one.
 *
 * @param ms The usual limit; `undefined` for none.
 * @throws RangeError if `ms` is out of range.
 */
export function callTimeout(ms: number | undefined, clock: Clock): Layer<CallRequest, unknown, TimedOut> {
  const usualLayer = ms === undefined ? undefined : timeout({ ms, clock });
  return layer<CallRequest, unknown, TimedOut>(
    { name: "timeout", unguarded: true },
    <Res, Err>(inner: Service<CallRequest, Res, Err>) => {
      const usual: Service<CallRequest, Res, Err | TimedOut> = usualLayer?.(inner) ?? inner;
      const others = new Map<number, typeof usual>();

      function limitedTo(callMs: number): typeof usual {
        const known = others.get(callMs);
        if (known !== undefined) return known;
        if (others.size >= maxRemembered) others.clear();
        const limited = timeout({ ms: callMs, clock })(inner);
        others.set(callMs, limited);
        return limited;
      }

      return {
        options: { ms: ms ?? null },
        state: () => ({ otherLimits: others.size }),
        call(request, signal) {
          const { timeoutMs } = request;
          const limited = timeoutMs === undefined || timeoutMs === ms ? usual : limitedTo(timeoutMs);
          return limited.call(request, signal);
        },
      };
    },
  );
}
