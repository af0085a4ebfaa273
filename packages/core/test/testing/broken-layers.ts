import { type Either, isLeft, layer, type Layer, left, right, Scope } from "@pagoda/core";
import { map } from "fp-ts/lib/Either.js";
import { type BrokenLayer, brokenLayer, type LayerUnderTest, type Samples } from "@pagoda/core/testing";
import * as timers from "node:timers";
// The suite must detect this sleep.
// oxlint-disable-next-line pagoda/no-sleep
import * as timersPromises from "node:timers/promises";
import { full, Limit } from "../readiness/limits.ts";

export const pass: Layer = layer("pass", ({ call }) => ({ call }));

/** A layer with a limit; `wakes` decides whether a slot that becomes free wakes a waiter. */
export function limit(wakes: () => boolean = () => true): LayerUnderTest {
  const slots = new Limit(2);
  return layer("limit", (inner) => ({
    ready: () => slots.waiting.ready() ?? inner.ready(),
    call: (request, signal) => {
      slots.take();
      return inner.call(request, signal).finally(() => {
        if (wakes()) slots.giveBack();
        else slots.inUse--;
      });
    },
  }));
}

interface Message {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** Messages that are records, as in most protocols. */
const records: Samples<string, string> = {
  request: () => ({ status: 0, headers: { accept: "*/*" } }) as never,
  response: () => ({ status: 200, headers: {} }) as never,
};

export const broken: readonly BrokenLayer[] = [
  {
    what: "swallows the response",
    makeLayer: brokenLayer((inner) => ({
      call: (request, signal) => inner.call(request, signal).then(() => new Promise(() => {})),
    })),
    // Defect: the runner reported "timed out" late and without the rule.
    fails: ["returns inner's response", "conformance: returns inner's response: never settles"],
  },
  {
    what: "turns a response into an error",
    makeLayer: brokenLayer((inner) => ({
      call: (request, signal) => inner.call(request, signal).then(swap),
    })),
    fails: ["returns inner's response", "inner answered, but the layer did not"],
  },
  {
    what: "changes the request",
    makeLayer: brokenLayer((inner) => ({
      call: (request, signal) => inner.call(`${String(request)}!`, signal),
    })),
    fails: ["passes the request on unchanged", "the request was changed"],
  },
  {
    what: "removes a header from the request",
    makeLayer: brokenLayer((inner) => ({
      call: (request, signal) => inner.call({ ...(request as Message), headers: {} }, signal),
    })),
    samples: records,
    fails: ["passes the request on unchanged", "the request was changed: headers"],
  },
  {
    what: "changes the response",
    makeLayer: brokenLayer((inner) => ({
      call: (request, signal) => inner.call(request, signal).then(map((response) => `${String(response)}!`)),
    })),
    fails: ["returns the response unchanged", "the response was changed"],
  },
  {
    what: "changes the status of the response",
    makeLayer: brokenLayer((inner) => ({
      call: (request, signal) =>
        inner.call(request, signal).then(map((response) => ({ ...(response as Message), status: 201 }))),
    })),
    samples: { ...records, changes: { response: ["headers"] } },
    fails: ["returns the response unchanged", "the response was changed: status"],
  },
  ...["setTimeout", "setInterval", "AbortSignal.timeout", "node:timers", "node:timers/promises"].map(
    (how): BrokenLayer => ({
      what: `sets a system timer (${how})`,
      makeLayer: brokenLayer((inner) => ({
        call: (request, signal) => {
          setSystemTimer(how);
          return inner.call(request, signal);
        },
      })),
      fails: [
        "returns inner's response",
        "conformance: returns inner's response: a system timer was set instead of one on the clock",
      ],
    }),
  ),
  {
    what: "leaves a timer",
    makeLayer: brokenLayer((inner, { clock }) => ({
      call: (request, signal) => {
        clock.setTimer(100, () => {});
        return inner.call(request, signal);
      },
    })),
    fails: ["returns inner's response", "timers are left on the clock"],
  },
  {
    what: "leaves a listener on the caller's signal",
    makeLayer: brokenLayer((inner) => ({
      call: (request, signal) => {
        signal?.addEventListener("abort", () => {});
        return inner.call(request, signal);
      },
    })),
    fails: ["returns inner's response", "listeners are left on the caller's signal"],
  },
  {
    what: "leaves a call to inner in flight",
    makeLayer: brokenLayer((inner) => ({
      call: (request, signal) => {
        inner.call(request).catch(() => {});
        return inner.call(request, signal);
      },
    })),
    fails: ["a call whose signal is already aborted settles", "calls to inner are still in flight"],
  },
  {
    what: "rejects on Left",
    makeLayer: brokenLayer((inner) => ({
      call: async (request, signal) => {
        const result = await inner.call(request, signal);
        if (isLeft(result)) throw result.left;
        return result;
      },
    })),
    fails: ["returns inner's error as a value", "[object Object]"],
  },
  {
    // Defect: these calls were not awaited, and the runner saw an unrelated unhandled rejection.
    what: "rejects on an abort",
    makeLayer: brokenLayer((inner) => ({
      call: async (request, signal) => {
        const result = await inner.call(request, signal);
        signal?.throwIfAborted();
        return result;
      },
    })),
    fails: ["no wake-up is lost when waiters leave", "an abort made a call reject"],
  },
  {
    what: "hides a defect",
    makeLayer: brokenLayer((inner) => ({
      call: (request, signal) => inner.call(request, signal).catch(() => right("never mind")),
    })),
    fails: ["rejects with inner's defect", "Missing expected rejection"],
  },
  {
    what: "keeps a slot when inner throws",
    makeLayer: () => {
      const slots = new Limit(2);
      return layer({ name: "limit", unguarded: true }, (inner) => ({
        ready: () => slots.waiting.ready() ?? inner.ready(),
        call: (request, signal) => {
          if (slots.inUse >= slots.max) return Promise.resolve(left(full) as never);
          slots.take();
          return inner.call(request, signal).finally(() => slots.giveBack());
        },
      }));
    },
    fails: ["rejects with what inner throws, and keeps nothing", "Missing expected rejection"],
  },
  {
    what: "does not pass the signal",
    makeLayer: brokenLayer((inner) => ({ call: (request) => inner.call(request) })),
    fails: ["an abort reaches inner in the same tick", "inner received no signal"],
  },
  {
    what: "passes an abort on a microtask late",
    makeLayer: brokenLayer((inner) => ({
      call: (request, signal) => inner.call(request, later(signal)),
    })),
    fails: [
      "an abort reaches inner in the same tick",
      "inner's signal is not aborted in the tick of the caller's abort",
    ],
  },
  {
    what: "passes on a signal without the deadline",
    makeLayer: brokenLayer((inner) => ({
      call: (request, signal) => inner.call(request, AbortSignal.any(signal === undefined ? [] : [signal])),
    })),
    fails: ["the caller's deadline reaches inner", "inner's signal has no deadline"],
  },
  {
    what: "gives inner longer than the caller waits",
    makeLayer: brokenLayer((inner) => ({
      call: async (request, signal) => {
        const scope = new Scope(undefined);
        signal?.addEventListener("abort", scope.abort.bind(scope, undefined), { once: true });
        scope.deadline = Infinity;
        return inner.call(request, scope.signal);
      },
    })),
    fails: ["the caller's deadline reaches inner", "inner's deadline is later than the caller's"],
  },
  {
    what: "ignores a signal that is already aborted",
    makeLayer: brokenLayer((inner) => ({
      call: (request, signal) => inner.call(request, onlyLater(signal)),
    })),
    fails: ["a call whose signal is already aborted settles", "never settles"],
  },
  {
    what: "waits for inner's answer after an abort",
    makeLayer: brokenLayer((inner) => ({
      call: (request) => inner.call(request, new AbortController().signal),
    })),
    fails: ["an aborted call does not affect the next one", "never settles"],
  },
  {
    what: "never releases the slot of an aborted call",
    makeLayer: brokenLayer((inner) => {
      let taken = false;
      return {
        call: async (request, signal) => {
          if (taken) return left("full");
          taken = true;
          const result = await inner.call(request, signal);
          if (!signal?.aborted) taken = false;
          return result;
        },
      };
    }),
    fails: ["an aborted call does not affect the next one", "expected a call, none came"],
  },
  {
    what: "stays tripped after an abort",
    makeLayer: brokenLayer((inner) => {
      let open = false;
      return {
        call: async (request, signal) => {
          const result = await inner.call(request, signal);
          open ||= signal?.aborted === true;
          return open ? left("open") : result;
        },
      };
    }),
    fails: ["an aborted call does not affect the next one", "the call after an aborted one was not answered"],
  },
  {
    what: "ends all calls when one is aborted",
    makeLayer: brokenLayer((inner) => {
      const { promise, resolve } = Promise.withResolvers<Either<unknown, unknown>>();
      return {
        call: (request, signal) => {
          signal?.addEventListener("abort", () => resolve(left("aborted")), { once: true });
          return Promise.race([inner.call(request, signal), promise]);
        },
      };
    }),
    fails: ["concurrent calls do not affect each other", "one call's abort ended another call"],
  },
  {
    what: "has one signal for all calls",
    makeLayer: brokenLayer((inner) => {
      const shared = new AbortController();
      return {
        call: (request, signal) => {
          signal?.addEventListener("abort", () => shared.abort(), { once: true });
          return inner.call(request, shared.signal);
        },
      };
    }),
    fails: ["concurrent calls do not affect each other", "one call's abort reached another call"],
  },
  {
    what: "is ready whether or not inner is",
    makeLayer: brokenLayer(() => ({ ready: () => undefined })),
    fails: ["readiness is honoured", "expected no call, 1 came"],
  },
  {
    what: "is never ready",
    makeLayer: brokenLayer(() => ({ ready: () => new Promise(() => {}) })),
    fails: ["readiness is honoured", "a new layer around a ready service is not ready"],
  },
  {
    what: "does not notice that inner has become ready",
    makeLayer: brokenLayer((inner) => ({ ready: () => inner.ready() && new Promise(() => {}) })),
    fails: ["readiness is honoured", "expected a call, none came"],
  },
  {
    what: "is not ready, though declared always ready",
    makeLayer: () => pass,
    samples: { ready: "always" },
    fails: ["readiness is honoured", "the layer must always be ready"],
  },
  {
    what: "wakes no waiter when a slot becomes free",
    makeLayer: () => limit(() => false),
    fails: ["no wake-up is lost when waiters leave", "callers still wait although inner is ready"],
  },
  {
    what: "loses a wake-up now and then",
    makeLayer: ({ random }) => limit(() => random() < 0.5),
    fails: ["no wake-up is lost when waiters leave", "callers still wait although inner is ready"],
  },
  {
    what: "calls inner in a later tick without asking for readiness",
    makeLayer: brokenLayer((inner) => ({
      call: async (request, signal) => {
        await Promise.resolve();
        return inner.call(request, signal);
      },
    })),
    fails: ["no wake-up is lost when waiters leave", "inner was called although it was not ready"],
  },
  {
    what: "has no name",
    makeLayer: brokenLayer((inner) => ({ describe: () => ({ name: "", inner: [inner.describe()] }) })),
    fails: ["describes itself and its inner service", "the description needs a name"],
  },
  {
    what: "leaves inner out of its description",
    makeLayer: brokenLayer(() => ({ describe: () => ({ name: "broken" }) })),
    fails: ["describes itself and its inner service", "inner is missing from the description"],
  },
  {
    what: "has a description that is not JSON",
    makeLayer: brokenLayer((inner) => ({
      describe: () => ({ name: "broken", options: { ms: Infinity }, inner: [inner.describe()] }),
    })),
    fails: ["describes itself and its inner service", "a description must be JSON"],
  },
  {
    what: "counts how often it is described",
    makeLayer: brokenLayer((inner) => {
      let asked = 0;
      return { describe: () => ({ name: "broken", state: { asked: asked++ }, inner: [inner.describe()] }) };
    }),
    fails: ["describes itself and its inner service", "describe() must not change the description"],
  },
  ...(["refused", "answered"] as const).flatMap((how): BrokenLayer[] => {
    const own = async () => (how === "refused" ? left("no") : right("no"));
    const samples = { [how]: () => "no" };
    return [
      {
        what: `calls inner for a request that it has ${how}`,
        makeLayer: brokenLayer((inner) => ({
          call: (request, signal) => {
            const result = inner.call(request, signal);
            return request === "no" ? own() : result;
          },
        })),
        samples,
        fails: [`a request to be ${how} is ${how} without inner, ready or not`, "expected no call, 1 came"],
      },
      {
        what: `waits until inner is ready for a request to be ${how}`,
        makeLayer: brokenLayer((inner) => ({
          call: async (request, signal) => {
            await inner.ready();
            return request === "no" ? own() : inner.call(request, signal);
          },
        })),
        samples,
        fails: [`a request to be ${how} is ${how} without inner, ready or not`, "never settles"],
      },
      {
        what: `forgets an aborted call that is to be ${how}`,
        makeLayer: brokenLayer((inner) => ({
          call: async (request, signal) => {
            if (request !== "no") return inner.call(request, signal);
            await undefined;
            return signal?.aborted ? new Promise(() => {}) : own();
          },
        })),
        samples,
        fails: [`a request to be ${how} settles when it is aborted`, "never settles"],
      },
    ];
  }),
];

function setSystemTimer(how: string): void {
  if (how === "setTimeout") clearTimeout(setTimeout(() => {}, 0));
  else if (how === "setInterval") clearInterval(setInterval(() => {}, 1_000));
  else if (how === "AbortSignal.timeout") AbortSignal.timeout(1);
  else if (how === "node:timers") clearTimeout(timers.setTimeout(() => {}, 0));
  else void timersPromises.setTimeout(0);
}

function swap<T>(result: Either<unknown, T>): Either<unknown, T> {
  return isLeft(result) ? result : left(result.right);
}

/** A signal that is aborted one microtask after the caller's. */
function later(signal: AbortSignal | undefined): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => void Promise.resolve().then(() => controller.abort());
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });
  return controller.signal;
}

/** A signal that follows the caller's unless that one is already aborted. */
function onlyLater(signal: AbortSignal | undefined): AbortSignal {
  const controller = new AbortController();
  signal?.addEventListener("abort", () => controller.abort(), { once: true });
  return controller.signal;
}
