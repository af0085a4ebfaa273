import { right, type Service, systemClock } from "@pagoda/core";
import { callNotes, httpResponse, noteEvent, tryBegan, tryEnded } from "@pagoda/http";
import { type Left, rateLimit } from "@pagoda/rate-limit";
import type { Group } from "./subject.ts";

const answer = right(httpResponse(200));
const settled = Promise.resolve(answer);

interface Noted {
  readonly notes: ReturnType<typeof callNotes>;
}

const inner: Service<Noted, ReturnType<typeof httpResponse>, never> = {
  ready: () => undefined,
  call: () => settled,
  describe: () => ({ name: "inner" }),
};

/** A limit that admits every call, and tells the trail what it has left. */
function limited(isTold: boolean) {
  const admitted = (left: Left, { notes }: Noted): void =>
    noteEvent(notes, "rate-limit", "admitted", [left], systemClock.now());
  return rateLimit<Noted>({
    global: { perSecond: 1_000_000, burst: 1_000_000_000 },
    ...(isTold && { observer: { admitted } }),
  })(inner);
}

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
    {
      what: "rate-limit call, without a trail",
      prepare() {
        const service = limited(false);
        return { run: () => service.call({ notes: callNotes() }) };
      },
    },
    {
      what: "rate-limit call that notes what is left",
      prepare() {
        const service = limited(true);
        return { run: () => service.call({ notes: callNotes() }) };
      },
      target: { mostNs: 300 },
    },
  ],
};
