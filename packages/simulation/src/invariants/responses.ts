import { isLeft } from "@pagoda/core";
import { defect, type Result } from "../request.ts";
import type { World } from "../world.ts";

export const ownResponse = "each call gets its own response and rejects only with a defect";

/** Responses of origins carry the id of their request. Calls may reject only with what an origin rejects with. */
export function responseWatch(world: World): {
  given(id: number, result: Result): void;
  rejected(id: number, reason: unknown): void;
} {
  return {
    given(id, result) {
      // Responses made by a router do not come from an origin and have no id.
      if (!isLeft(result) && "id" in result.right && result.right.id !== id)
        world.violate(ownResponse, `call ${id} gets the response of ${result.right.id}`);
    },
    rejected(id, reason) {
      if (reason !== defect) world.violate(ownResponse, `call ${id} rejects with ${String(reason)}`);
    },
  };
}
