import { checkOption, rangeError } from "../options.ts";
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
  checkOption("steer: services", services, services.length > 0, "a list of at least one service");
  return {
    ready: () => anyReady(services),
    // Async, so that a mistake in `pick` becomes a rejection, as every defect does.
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
