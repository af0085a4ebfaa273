import type { FromClient } from "@pagoda/core/http";

/**
 * The key of a limit for each client. The layer then needs a request that says who asks: where none does, the stack
 * does not compile. `@pagoda/forwarded` adds it.
 */
export function byClient(request: FromClient): string {
  return request.client;
}
