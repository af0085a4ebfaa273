import {
  type Aborted,
  aborted,
  checkDuration,
  checkMaxWait,
  defaultMaxWaitMs,
  type Description,
  type Either,
  isLeft,
  isRight,
  layer,
  type Layer,
  left,
  oneshot,
  right,
  Scope,
  type Service,
  systemClock,
  timeoutError,
  type Wait,
} from "@pagoda/core";
import type { BodyTooLarge, HttpRequest, HttpResponse } from "@pagoda/http";
import {
  checkRequestBody,
  type Content,
  type RequestBodyOptions,
  type WithContent,
  withContent,
} from "./content.ts";
import type { AuthorizationRefused, AuthorizationUnavailable, ExtAuthzObserver } from "./faults.ts";

/** Options of both protocols. */
export interface GuardOptions<Req extends HttpRequest> extends Wait {
  /** The authorization server. */
  readonly service: Service<Req, HttpResponse, unknown>;
  /** Lets requests pass while the server does not answer. Default `false`. */
  readonly failOpen?: boolean;
  /** Milliseconds until its answer. Reading `requestBody` does not count. Default 1,000. */
  readonly timeoutMs?: number;
  /** Sends the body of the request, too. Default: not. */
  readonly requestBody?: RequestBodyOptions;
  readonly observer?: ExtAuthzObserver<Req>;
}

/** What an authorization server decides. */
export type Verdict =
  | {
      readonly kind: "allowed";
      readonly editRequest: <Req extends HttpRequest>(request: Req) => Req;
      readonly editResponse?: <Res extends HttpResponse>(response: Res) => Res;
    }
  | { readonly kind: "refused"; readonly response: HttpResponse }
  | { readonly kind: "unavailable"; readonly reason: "failed" | "status" | "invalid" };

/** How an authorization server is asked. */
export interface Protocol {
  readonly options: NonNullable<Description["options"]>;
  /** @param timeoutMs When the server is no longer waited for. */
  request<Req extends HttpRequest>(
    request: Req,
    content: Content | undefined,
    timeoutMs: number,
  ): Req | Promise<Req>;
  /** Reads an answer or cancels its body. */
  verdict(response: HttpResponse, signal: AbortSignal): Verdict | Promise<Verdict>;
  /** A request that passes without an answer. */
  unanswered<Req extends HttpRequest>(request: Req): Req;
}

/** The errors of both protocols. */
export type ExtAuthzFault = AuthorizationUnavailable | BodyTooLarge | Aborted;

/** The layer of both protocols. */
export function guard<Req extends HttpRequest>(
  protocol: Protocol,
  {
    service,
    failOpen = false,
    timeoutMs = 1_000,
    requestBody,
    observer,
    maxWaitMs = defaultMaxWaitMs,
    clock = systemClock,
  }: GuardOptions<Req>,
): Layer<Req, unknown, ExtAuthzFault, never, HttpResponse, HttpResponse> {
  checkDuration("extAuthz: timeoutMs", timeoutMs);
  checkMaxWait("extAuthz", maxWaitMs);
  checkRequestBody(requestBody);
  const none = (request: Req): WithContent<Req> => ({ request, content: undefined, discard: () => {} });

  /** Asks the server. `Left`: the caller has gone. */
  async function ask(
    { request, content }: WithContent<Req>,
    signal: AbortSignal | undefined,
  ): Promise<Either<Aborted, Verdict | { readonly kind: "unavailable"; readonly reason: "timeout" }>> {
    const made = protocol.request(request, content, timeoutMs);
    const call = made instanceof Promise ? await made : made;
    const scope = new Scope(signal);
    let isLate = false;
    const timer = clock.setTimer(timeoutMs, () => {
      isLate = true;
      scope.abort(timeoutError(`no answer from the authorization server within ${timeoutMs} ms`));
    });
    try {
      const result = await service.call(call, scope.signal);
      if (signal?.aborted) {
        if (isRight(result)) result.right.body.cancel(signal.reason);
        return left(aborted(signal));
      }
      if (isLeft(result)) return right({ kind: "unavailable", reason: isLate ? "timeout" : "failed" });
      const reading = protocol.verdict(result.right, scope.signal);
      const verdict = reading instanceof Promise ? await reading : reading;
      if (signal?.aborted) {
        if (verdict.kind === "refused") verdict.response.body.cancel(signal.reason);
        return left(aborted(signal));
      }
      return right(isLate && verdict.kind === "unavailable" ? { ...verdict, reason: "timeout" } : verdict);
    } finally {
      clock.clearTimer(timer);
      scope.end();
    }
  }

  return layer<Req, unknown, ExtAuthzFault, never, HttpResponse, HttpResponse>("ext-authz", (inner) => ({
    options: {
      ...protocol.options,
      ...(requestBody && { requestBody: { ...requestBody } }),
      failOpen,
      timeoutMs,
    },
    async call(request, signal) {
      const read =
        requestBody === undefined ? right(none(request)) : await withContent(request, requestBody, signal);
      if (isLeft(read)) return read;
      const { request: whole, discard } = read.right;
      const began = clock.now();
      const asked = await ask(read.right, signal);
      if (isLeft(asked)) {
        discard(signal?.reason);
        return asked;
      }
      const verdict = asked.right;
      observer?.answered?.(verdict.kind, clock.now() - began);
      const pass = (edited: Req) => {
        // Inner may no longer be ready.
        const result = oneshot(inner, edited, signal, { maxWaitMs, clock });
        return requestBody === undefined ? result : result.finally(discard);
      };
      switch (verdict.kind) {
        case "allowed": {
          observer?.allowed?.(request);
          const { editRequest, editResponse } = verdict;
          const result = pass(editRequest(whole));
          if (editResponse === undefined) return result;
          return result.then((by) => (isLeft(by) ? by : right(editResponse(by.right))));
        }
        case "refused": {
          const { response } = verdict;
          const fault = refused(response.status);
          discard(fault);
          observer?.refused?.(fault, request);
          return right({ ...response, fault });
        }
        case "unavailable": {
          const fault = unavailable(verdict.reason);
          observer?.unavailable?.(fault, request);
          if (failOpen && verdict.reason !== "invalid") return pass(protocol.unanswered(whole));
          discard(fault);
          return left(fault);
        }
      }
    },
  }));
}

function refused(status: number): AuthorizationRefused {
  return { _tag: "AuthorizationRefused", origin: "local", retryable: false, status };
}

function unavailable(reason: AuthorizationUnavailable["reason"]): AuthorizationUnavailable {
  return { _tag: "AuthorizationUnavailable", origin: "local", retryable: true, reason };
}
