import { isLeft } from "fp-ts/lib/Either.js";
import { defect, type Result } from "../request.ts";
import type { World } from "../world.ts";

export const answersFit = "each call gets its own answer, and rejects for a defect only";

/** The answer of an origin names the request. What an origin rejects with may come out, and nothing else. */
export function answerWatch(world: World): {
  given(id: number, result: Result): void;
  rejected(id: number, reason: unknown): void;
} {
  return {
    given(id, result) {
      // What a router answers by itself is of no origin, and has no number.
      if (!isLeft(result) && "id" in result.right && result.right.id !== id)
        world.violate(answersFit, `call ${id} gets the answer of ${result.right.id}`);
    },
    rejected(id, reason) {
      if (reason !== defect) world.violate(answersFit, `call ${id} rejects: ${String(reason)}`);
    },
  };
}
