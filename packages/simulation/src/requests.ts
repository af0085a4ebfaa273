import { idempotent, once, type Random } from "@pagoda/core";
import { bodyOf, callNotes, emptyBody } from "@pagoda/http";
import { zipf } from "./random.ts";
import { bytes, chunks, contentOf, Source } from "./content.ts";
import type { Parts } from "./parts.ts";
import type { Request } from "./request.ts";
import { plainTarget, type Target, targets } from "./targets.ts";
import type { World } from "./world.ts";

/** Generates requests with Zipf-distributed keys and with no body, a short one or a streaming one. */
export class Requests {
  readonly #world: World;
  readonly #parts: Parts;
  readonly #random: Random;
  readonly #key = zipf(200);
  readonly #target: () => Target;

  constructor(world: World, parts: Parts) {
    this.#world = world;
    this.#parts = parts;
    this.#random = world.chance("requests");
    this.#target = targets(world.chance("targets"));
  }

  next(id: number): Request {
    const random = this.#random;
    const key = `key-${this.#key(random)}`;
    const kind = random();
    const common = { ...this.#target(), notes: callNotes(), id, key };
    if (kind < 0.4) return { ...common, body: emptyBody, content: contentOf([]), replay: idempotent };
    if (kind < 0.85) {
      const whole = bytes(random, 1 + Math.floor(random() * 100));
      const replay = random() < 0.9 ? idempotent : once;
      return { ...common, body: bodyOf(whole), content: contentOf([whole]), replay };
    }
    const parts = chunks(random);
    const source = new Source(this.#world, random, parts, random() < 0.02);
    const body = this.#parts.replayBody(source);
    const content = contentOf(parts);
    const replay = { canRepeat: () => body.canRead, canHedge: () => false };
    return { ...common, body, content, replay };
  }
}

/** A harmless request to test a limit with. */
export const trial: Request = {
  ...plainTarget,
  notes: callNotes(),
  id: -1,
  key: "trial",
  body: emptyBody,
  content: contentOf([]),
  replay: idempotent,
};
