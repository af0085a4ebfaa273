import type { BodyBroken } from "@pagoda/http";
import type { Call } from "./call.ts";

/** Safe methods (RFC 9110, section 9.2.1). */
export const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);
/** Error codes of a connection closed by the other side. */
const closings: ReadonlySet<string> = new Set(["ENDED", "ECONNRESET", "EPIPE"]);

/**
 * Whether a call that failed on a kept connection before any response can be resent over a new one.
 * An origin may close an idle connection just as the next request is sent. A safe request without a
 * body is then resent once (RFC 9112, section 9.3.1), as browsers and other proxies do.
 */
export function isStaleness(error: Error | BodyBroken, { head, request, settled }: Call): boolean {
  return (
    !settled &&
    head.framing === 0 &&
    safeMethods.has(request.method) &&
    closings.has((error as NodeJS.ErrnoException).code ?? "")
  );
}
