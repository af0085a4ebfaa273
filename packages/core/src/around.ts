import type { Description, Details } from "./description.ts";
import type { Service } from "./service.ts";

/** What a layer or an adapter does around one inner service: the functions must not use `this`. */
export interface Around<Req, Res, Err> extends Details {
  /** Default: as ready as inner. Whoever has a limit of its own answers for both. */
  readonly ready?: () => undefined | Promise<void>;
  /** May throw: what it throws is a defect, and the service rejects with it. */
  readonly call: Service<Req, Res, Err>["call"];
}

/** The service that a layer or an adapter makes of what it does around another. */
export function around<Req, Res, Err>(
  name: string,
  inner: { ready(): undefined | Promise<void>; describe(): Description },
  { ready, call, options, state }: Around<Req, Res, Err>,
): Service<Req, Res, Err> {
  return {
    ready: ready ?? (() => inner.ready()),
    call(request, signal) {
      // Defects are rejections, or the layers further out would have to expect both. Among layers of ten kinds this costs
      // less than 1 ns; an `async` function would cost 25.
      try {
        return call(request, signal);
      } catch (defect) {
        return Promise.reject(defect);
      }
    },
    describe: () => ({
      name,
      ...(options && { options }),
      ...(state && { state: state() }),
      inner: [inner.describe()],
    }),
  };
}
