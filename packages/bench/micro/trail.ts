import { right, systemClock } from "@pagoda/core";
import { callNotes, httpResponse, noteEvent, tryBegan, tryEnded } from "@pagoda/http";
import type { Group } from "./subject.ts";

const answer = right(httpResponse(200));

function tried() {
  const notes = callNotes();
  const began = tryBegan(notes, "http://a", systemClock.now());
  tryEnded(notes, began, answer, systemClock.now(), false);
  return notes;
}

/** What it costs each call to leave a trail, kept or not. */
export const trails: Group = {
  name: "trail",
  subjects: [
    {
      what: "trail of a call with one try",
      prepare: () => ({ run: tried }),
      target: { mostNs: 300 },
    },
    {
      what: "trail of a call with one try and an event",
      prepare: () => ({
        run() {
          const notes = tried();
          noteEvent(notes, "retry", "recovered", [1], systemClock.now());
          return notes;
        },
      }),
    },
  ],
};
