import { type BrokenLayer, brokenLayer, type Samples } from "@pagoda/core/testing";
import {
  Body,
  type BodyFlow,
  bodyOf,
  type BodySink,
  httpRequest,
  type HttpRequest,
  httpResponse,
  type HttpResponse,
} from "@pagoda/http";
import { type Either, isLeft, left, right } from "@pagoda/core";

const http: Samples<string, string> = {
  request: () => httpRequest("http://a.example/", { headers: { accept: "*/*" }, body: "some" }) as never,
  response: () => httpResponse(200) as never,
};

export const broken: readonly BrokenLayer[] = [
  {
    what: "drops the body of the request",
    makeLayer: brokenLayer((inner) => ({
      call: (request, signal) => inner.call({ ...(request as HttpRequest), body: bodyOf("other") }, signal),
    })),
    samples: { ...http, changes: { request: ["body"] } },
    fails: [
      "a request body reaches inner, or is cancelled when inner does not read it",
      "the body of the request was changed",
    ],
  },
  {
    what: "does not pass on that inner cancelled the request body",
    makeLayer: brokenLayer((inner) => ({
      call: (request, signal) => inner.call(withUncancellableBody(request as HttpRequest), signal),
    })),
    samples: { ...http, changes: { request: ["body"] } },
    fails: [
      "a request body reaches inner, or is cancelled when inner does not read it",
      "the request's own body was neither read nor cancelled",
    ],
  },
  {
    what: "drops the body of the response",
    makeLayer: brokenLayer((inner) => ({
      call: (request, signal) =>
        inner
          .call(request, signal)
          .then((result) =>
            isLeft(result) ? result : right({ ...(result.right as HttpResponse), body: bodyOf("other") }),
          ),
    })),
    samples: { ...http, changes: { response: ["body"] } },
    fails: [
      "a response body reaches the caller, or is cancelled when the caller does not read it",
      "the body of the response was changed",
    ],
  },
  {
    what: "turns a response into an error without cancelling its body",
    makeLayer: brokenLayer((inner) => ({
      call: (request, signal) => inner.call(request, signal).then(swapHttp),
    })),
    fails: [
      "a response body reaches the caller, or is cancelled when the caller does not read it",
      "the response's own body was neither read nor cancelled",
    ],
  },
  {
    what: "does not wait for inner after an abort and drops its response",
    makeLayer: brokenLayer((inner) => ({
      call: (request, signal) =>
        new Promise((resolve, reject) => {
          const leave = (): void => resolve(left("aborted"));
          signal?.addEventListener("abort", leave);
          inner
            .call(request, signal)
            .finally(() => signal?.removeEventListener("abort", leave))
            .then(resolve, reject);
        }),
    })),
    fails: [
      "a response that no longer has a caller is discarded",
      "the body of a response that came after an abort was not cancelled",
    ],
  },
  {
    what: "does not wait for inner after a timeout and drops its response",
    makeLayer: brokenLayer((inner, { clock }) => ({
      call: (request, signal) =>
        new Promise((resolve, reject) => {
          const timer = clock.setTimer(100, () => resolve(left("timed out")));
          const clear = (): void => clock.clearTimer(timer);
          inner.call(request, signal).finally(clear).then(resolve, reject);
        }),
    })),
    fails: [
      "a response that no longer has a caller is discarded",
      "the body of a response that came after a timeout was not cancelled",
    ],
  },
  ...(["refused", "answered"] as const).map((how): BrokenLayer => ({
    what: `reads a part of the body of a request to be ${how}`,
    makeLayer: brokenLayer((inner) => ({
      call: async (request, signal) => {
        const { method, body } = request as HttpRequest;
        if (method !== "POST") return inner.call(request, signal);
        body.pipe({ write: () => false, end: () => {}, fail: () => {} });
        return how === "refused" ? left("no") : right(httpResponse(204));
      },
    })),
    samples: { ...http, [how]: () => httpRequest("http://a.example/", { method: "POST" }) as never },
    fails: [
      `the body of a request that is ${how} is left unread, read whole, or cancelled`,
      "the request's body was read in part",
    ],
  })),
];

/** Turns HTTP responses into errors. */
function swapHttp(result: Either<unknown, unknown>): Either<unknown, unknown> {
  return !isLeft(result) && typeof result.right === "object" ? left(result.right) : result;
}

/** Replaces the body by one whose `cancel` does not reach the original. */
function withUncancellableBody(request: HttpRequest): HttpRequest {
  class Uncancellable extends Body {
    readonly length = undefined;
    pipe(sink: BodySink): BodyFlow {
      return request.body.pipe(sink);
    }
    cancel(): void {}
  }
  return { ...request, body: new Uncancellable() };
}
