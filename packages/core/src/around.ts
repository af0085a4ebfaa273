import type { Details } from "./description.ts";
import { guarded, withoutGuard } from "./guard.ts";
import type { Service } from "./service.ts";

/** What a layer or an adapter does around one inner service. The functions must not use `this`. */
export interface Around<Req, Res, Err> extends Details {
  /** Default: inner's readiness. With a limit of its own, a layer is ready when both are. */
  readonly ready?: () => undefined | Promise<void>;
  /** May throw: the error is a defect, and the call rejects with it. */
  readonly call: Service<Req, Res, Err>["call"];
}

/** How a layer or an adapter is named, and connected to its inner service. */
export interface Part {
  /** Its name in `describe()`: the package's name without its scope. */
  readonly name: string;
  /**
   * Inner's `call` may throw its defects at this part instead of rejecting with them. Only for a
   * part that keeps nothing for a call while inner has it, or that catches: a row of such parts has
   * one guard, around the outermost, which saves each of the others a function call of 4 ns.
   * Default false.
   */
  readonly unguarded?: boolean;
}

/**
 * Makes a layer or an adapter. TypeScript cannot see that `Err | Handles` less what is handled is
 * `Exclude<Err, Handles>`, nor that a request keeps the rest of its type on the way in. This cast
 * states both, once for all.
 *
 * @typeParam P The type of the layer or the adapter.
 */
export function partOf<P, Req, InnerReq, InnerRes, InnerErr = unknown>(
  part: string | Part,
  perService: (inner: Service<InnerReq, InnerRes, InnerErr>) => Around<Req, unknown, unknown>,
): P {
  function wrap(inner: Service<InnerReq, InnerRes, InnerErr>): Service<Req, unknown, unknown> {
    return around(part, inner, perService);
  }
  return wrap as unknown as P;
}

/** Returns the service that a layer or an adapter makes of an inner one. */
function around<Req, Res, Err, InnerReq, InnerRes, InnerErr>(
  part: string | Part,
  service: Service<InnerReq, InnerRes, InnerErr>,
  perService: (inner: Service<InnerReq, InnerRes, InnerErr>) => Around<Req, Res, Err>,
): Service<Req, Res, Err> {
  const { name, unguarded = false } = typeof part === "string" ? { name: part } : part;
  const inner = unguarded ? withoutGuard(service) : service;
  const { ready, call, options, state } = perService(inner);
  return {
    ready: ready ?? (() => inner.ready()),
    call: guarded(call),
    describe: () => ({
      name,
      ...(options && { options }),
      ...(state && { state: state() }),
      inner: [inner.describe()],
    }),
  };
}
