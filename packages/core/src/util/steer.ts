import { checkOption, rangeError } from "../options.ts";
import { anyReady } from "../readiness.ts";
import type { Service } from "../service.ts";

/**
 * Sends each request to the one of several services that `pick` selects.
 *
 * Ready as soon as any service is, so a busy one does not hold up requests for the others. A
 * request whose service is not ready gets that service's own refusal. To wait for a slow service,
 * wrap that service in a layer that waits.
 *
 * @param pick Returns the index of the service for a request.
 * @throws RangeError when `services` is empty, and (as a defect) when `pick` returns an index
 * outside the list.
 */
export function steer<Req, Res, Err>(
  services: readonly Service<Req, Res, Err>[],
  pick: (request: Req) => number,
): Service<Req, Res, Err> {
  checkOption("steer: services", services, services.length > 0, "a list of at least one service");
  return {
    ready: () => anyReady(services),
    // Async, so that an error thrown by `pick` becomes a rejection, like every defect.
    call: async (request, signal) => {
      const index = pick(request);
      const picked = services[index];
      if (picked === undefined)
        throw rangeError("steer: result of pick", `an integer from 0 to ${services.length - 1}`, index);
      return picked.call(request, signal);
    },
    describe: () => ({ name: "steer", inner: services.map((each) => each.describe()) }),
  };
}
