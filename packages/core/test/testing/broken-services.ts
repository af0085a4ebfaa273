import { type Either, left, right, service, type Service } from "@pagoda/core";
import type { LeafUnderTest } from "@pagoda/core/testing";

interface Asked {
  readonly path: string;
}
/** A response that `discardResponse` recognises, with a body that can be cancelled. */
interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly breaks?: boolean; cancel(): void };
}
type Leaf = Service<Asked, Answered, string>;
type Answer = Either<string, Answered>;

/** A correct leaf. */
export function sound(): Leaf {
  return service<Asked, Answered, string>("sound", (request, signal) => {
    if (signal?.aborted) return Promise.resolve(left("aborted"));
    if (request.path === "/failing") return Promise.resolve(left("failed"));
    if (request.path !== "/unanswered") return Promise.resolve(right(answered()));
    return new Promise((resolve) => {
      signal?.addEventListener("abort", () => resolve(left("aborted")), { once: true });
    });
  });
}

/** A correct leaf, except for what `broken` replaces. */
export function leafWith(broken: (leaf: Leaf) => Partial<Leaf>): () => LeafUnderTest<Asked, Answered> {
  return () => {
    const leaf = sound();
    return {
      service: { ...leaf, ...broken(leaf) },
      request: () => ({ path: "/" }),
      failing: () => ({ path: "/failing" }),
      unanswered: () => ({ path: "/unanswered" }),
      read: async ({ body }) => {
        if (body.breaks) throw new Error("the body of the response broke off");
      },
    };
  };
}

interface Broken {
  readonly what: string;
  readonly leaf: () => LeafUnderTest<Asked, Answered>;
  /** The rule that must fail, and its message. */
  readonly fails: readonly [rule: string, message: string];
}

export const broken: readonly Broken[] = [
  {
    what: "turns everything into an error",
    leaf: leafWith(() => ({ call: async () => left("never mind") })),
    fails: ["returns a response as a value", "a request that should be answered ended in an error"],
  },
  {
    what: "never answers",
    leaf: leafWith(() => ({ call: () => new Promise<Answer>(() => {}) })),
    fails: [
      "returns a response as a value",
      "service conformance: returns a response as a value: did not end within 20 ms",
    ],
  },
  {
    what: "returns a body that breaks off",
    leaf: leafWith(() => ({ call: async () => right(answered({ breaks: true, cancel() {} })) })),
    fails: ["returns a response as a value", "the body of the response broke off"],
  },
  {
    what: "rejects instead of returning an error",
    leaf: leafWith((leaf) => ({
      call: (request, signal) =>
        request.path === "/failing" ? Promise.reject(new Error("failed")) : leaf.call(request, signal),
    })),
    fails: [
      "returns an error as a value",
      "an expected failure was a rejection instead of a value: Error: failed",
    ],
  },
  {
    what: "throws instead of returning an error",
    leaf: leafWith((leaf) => ({
      call(request, signal) {
        if (request.path === "/failing") throw new Error("failed");
        return leaf.call(request, signal);
      },
    })),
    fails: ["returns an error as a value", "call() threw: Error: failed"],
  },
  {
    what: "reserves a slot for each caller that asks",
    leaf: leafWith((leaf) => {
      let places = 1_000;
      return {
        ready: () => (places-- > 0 ? undefined : new Promise(() => {})),
        call: (request, signal) => leaf.call(request, signal),
      };
    }),
    fails: ["asking for readiness reserves nothing", "a new service is not ready"],
  },
  {
    what: "changes the request",
    leaf: leafWith((leaf) => ({
      call: async (request, signal) => {
        (request as { path: string }).path += "!";
        return leaf.call(request, signal);
      },
    })),
    fails: [
      "does not change the request",
      "an expected failure was a rejection instead of a value: TypeError",
    ],
  },
  {
    what: "answers a call whose signal is already aborted",
    leaf: leafWith((leaf) => ({ call: (request) => leaf.call(request) })),
    fails: [
      "a call whose signal is already aborted returns an error as a value",
      "a call whose signal was already aborted was answered",
    ],
  },
  {
    what: "ignores aborts",
    leaf: leafWith((leaf) => ({
      call: (request, signal) => leaf.call(request, signal?.aborted ? signal : undefined),
    })),
    fails: ["an aborted call returns an error as a value", "did not end within 20 ms"],
  },
  {
    what: "rejects on an abort",
    leaf: leafWith((leaf) => ({
      call: async (request, signal) => {
        const answer = await leaf.call(request, signal);
        signal?.throwIfAborted();
        return answer;
      },
    })),
    fails: [
      "an aborted call returns an error as a value",
      "an expected failure was a rejection instead of a value: AbortError",
    ],
  },
  {
    what: "ends all calls when one is aborted",
    leaf: leafWith((leaf) => {
      let isOver = false;
      return {
        call: async (request, signal) => {
          signal?.addEventListener("abort", () => (isOver = true), { once: true });
          return isOver ? left("over") : leaf.call(request, signal);
        },
      };
    }),
    fails: ["an aborted call does not affect the others", "the call after an aborted one was not answered"],
  },
  {
    what: "leaves a listener on the caller's signal",
    leaf: leafWith((leaf) => ({
      call: (request, signal) => {
        signal?.addEventListener("abort", () => {});
        return leaf.call(request, signal);
      },
    })),
    fails: ["returns a response as a value", "listeners are left on the caller's signal"],
  },
  {
    what: "accepts another call only after the response was read",
    leaf: leafWith((leaf) => {
      let isBusy = false;
      return {
        call: async (request, signal) => {
          if (isBusy) return left("busy");
          const answer = await leaf.call(request, signal);
          if (answer._tag === "Left") return answer;
          return right(answered({ cancel: () => (isBusy = true) }));
        },
      };
    }),
    fails: ["an unread response can be discarded", "the call after a discarded response was not answered"],
  },
  {
    what: "has no name",
    leaf: leafWith(() => ({ describe: () => ({ name: "" }) })),
    fails: ["describes itself", "the description needs a name"],
  },
  {
    what: "claims to have an inner service",
    leaf: leafWith(() => ({ describe: () => ({ name: "leaf", inner: [{ name: "more" }] }) })),
    fails: ["describes itself", "a leaf has no inner service"],
  },
];

function answered(body: Answered["body"] = { cancel() {} }): Answered {
  return { status: 200, headers: new Headers(), body };
}
