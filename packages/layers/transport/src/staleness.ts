import type { BodyBroken } from "@pagoda/http";
import type { Call } from "./call.ts";

/** Methods that ask for no change (RFC 9110, 9.2.1). */
export const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);
/** How it shows that the other side has closed. */
const closings: ReadonlySet<string> = new Set(["ENDED", "ECONNRESET", "EPIPE"]);

/**
 * Whether a call that failed on a kept connection before anything came goes over a new one. An origin may close a
 * connection that is kept just when the next request is on its way. A request that changes nothing is then sent once
 * more (RFC 9112, 9.3.1), as browsers and other proxies do.
 */
export function isStaleness(error: Error | BodyBroken, { head, request, settled }: Call): boolean {
  return (
    !settled &&
    head.framing === 0 &&
    safeMethods.has(request.method) &&
    closings.has((error as NodeJS.ErrnoException).code ?? "")
  );
}
