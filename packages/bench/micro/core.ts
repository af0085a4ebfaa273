import {
  budget,
  type Either,
  type Fault,
  layer,
  type Layer,
  left,
  right,
  service,
  type Service,
} from "@pagoda/core";
import type { Group, Subject } from "./subject.ts";

const leafName = "a resolved leaf, called and awaited";
const depth = 10;

/** Returns the inner promise, like a layer that only admits calls. */
const refusing = layer<unknown, unknown, Fault<"Refused">>({ name: "refusing", unguarded: true }, (inner) => {
  const limit = { isReached: false };
  return {
    call: (request, signal) =>
      limit.isReached ? Promise.resolve(left(refused)) : inner.call(request, signal),
  };
});
const refused: Fault<"Refused"> = { _tag: "Refused", origin: "local", retryable: true };

/** Looks at the result, like a layer that counts or learns. */
const observing: Layer = layer("observing", (inner) => {
  let ended = 0;
  return {
    call: (request, signal) =>
      inner.call(request, signal).then((result) => {
        ended = (ended + 1) | 0;
        return result;
      }),
    state: () => ({ ended }),
  };
});

const answer: Promise<Either<never, number>> = Promise.resolve(right(1));

function leaf(): Service<string, number> {
  return service("leaf", () => answer);
}

function ten(each: Layer<unknown, unknown, unknown>, what: string, mostNs: number, reason?: string): Subject {
  return {
    what: `one of ten ${what} layers: time added`,
    prepare() {
      let stack: Service<string, number, unknown> = leaf();
      for (let n = 0; n < depth; n++) stack = each(stack);
      return { run: () => stack.call("a") };
    },
    beyond: { base: leafName, layers: depth },
    target: { mostNs },
    ...(reason !== undefined && { reason }),
  };
}

export const core: Group = {
  name: "core",
  subjects: [
    {
      what: leafName,
      prepare() {
        const bare = leaf();
        return { run: () => bare.call("a") };
      },
      reason: "the baseline of the next two rows",
    },
    ten(refusing, "refusing", 5),
    ten(observing, "observing", 50, "most of it is the `.then` and its promise"),
    {
      what: "budget: a deposit, and every tenth time a withdrawal",
      prepare() {
        const spent = budget();
        let n = 0;
        return {
          run() {
            spent.deposit();
            return ++n % 10 === 0 ? spent.withdraw() : undefined;
          },
        };
      },
      reason: "mostly reading the clock",
    },
  ],
};
