import { idempotent, type Replayable, service } from "@pagoda/core";
import { hedge } from "@pagoda/hedge";
import { right } from "fp-ts/lib/Either.js";
import type { Group } from "./subject.ts";

export const hedges: Group = {
  name: "hedge",
  subjects: [
    {
      what: "hedge layer around a resolved leaf, its latency recorded",
      prepare() {
        const answer = Promise.resolve(right(1));
        const layered = hedge()(service("leaf", (_request: Replayable) => answer));
        const request: Replayable = { replay: idempotent };
        return { run: () => layered.call(request) };
      },
      reason: "the leaf is in it, and two readings of the clock",
    },
  ],
};
