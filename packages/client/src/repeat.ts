import { type Aborted, layer, type Layer, type Replayable, type Service } from "@pagoda/core";
import { knownMethods } from "@pagoda/http";
import { replay } from "@pagoda/replay";
import { retry, type RetryOptions } from "@pagoda/retry";
import type { CallRequest } from "./call-request.ts";

/**
 * `replay`, which also makes requests repeatable whose call says so, or that have an
 * `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).
 */
export function repeatable(methods: readonly string[] | undefined): Layer<CallRequest, Replayable> {
  const usual = replay(methods === undefined ? {} : { methods });
  const any = replay({ methods: [...knownMethods] });
  return layer<CallRequest, Replayable>(
    { name: "replay", unguarded: true },
    <Res, Err>(inner: Service<CallRequest & Replayable, Res, Err>) => {
      const byMethod: Service<CallRequest, Res, Err> = usual(inner);
      const always: Service<CallRequest, Res, Err> = any(inner);
      return {
        ...(methods && { options: { methods } }),
        call: (request, signal) => (isRepeatable(request) ? always : byMethod).call(request, signal),
      };
    },
  );
}

function isRepeatable({ retry: isWanted, headers }: CallRequest): boolean {
  return isWanted === true || headers.has("idempotency-key");
}

/**
 * `retry`, except for calls that turn it off. Each service that it wraps has a budget of its own.
 *
 * @throws RangeError if an option is out of range.
 */
export function retries(options: RetryOptions): Layer<CallRequest & Replayable, unknown, Aborted> {
  // Checks the options.
  retry(options);
  return layer<CallRequest & Replayable, unknown, Aborted>(
    { name: "retry", unguarded: true },
    <Res, Err>(inner: Service<CallRequest & Replayable, Res, Err>) => {
      const retried: Service<CallRequest & Replayable, Res, Err | Aborted> = retry(options)(inner);
      const { options: settings } = retried.describe();
      return {
        ...(settings && { options: settings }),
        state: () => retried.describe().state ?? {},
        call: (request, signal) => (request.retry === false ? inner : retried).call(request, signal),
      };
    },
  );
}
