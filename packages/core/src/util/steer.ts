import { anyReady } from "../readiness.ts";
import type { Service } from "../service.ts";

/**
 * Sends each request to the one of several services that `pick` names.
 *
 * Ready as soon as any of them is, so one that is busy does not hold up requests for the rest; a request whose
 * service is not ready gets that service's own refusal. To wait for a slow one, put the waiting around that one.
 *
 * @param pick The index of the service for a request.
 * @throws RangeError when there is no service, and (as a defect) when `pick` gives an index outside the list.
 */
export function steer<Req, Res, Err>(
  services: readonly Service<Req, Res, Err>[],
  pick: (request: Req) => number,
): Service<Req, Res, Err> {
  if (services.length === 0) throw new RangeError("steer: services is empty; give at least one");
  return {
    ready: () => anyReady(services),
    // Async, so that a mistake in `pick` becomes a rejection, as every defect does.
    call: async (request, signal) => {
      const index = pick(request);
      const picked = services[index];
      if (picked === undefined) {
        throw new RangeError(`steer: pick gave ${index}; valid is 0 to ${services.length - 1}`);
      }
      return picked.call(request, signal);
    },
    describe: () => ({ name: "steer", inner: services.map((each) => each.describe()) }),
  };
}
