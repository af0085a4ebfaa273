import type { Either, Service } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "../message.ts";
import type { HttpServer, ListenFailed } from "./http-server.ts";
import { Listener } from "./listener.ts";
import type { ServeOptions } from "./serve-options.ts";

/**
 * Serves a stack over HTTP/1.1 and HTTP/2. The stack must answer all of its errors: its error type
 * is `never`.
 *
 * The server does not wait for the stack's readiness: a call that cannot be admitted gets its
 * layer's refusal. To wait, add a buffer to the stack.
 *
 * The cost of each connection is bounded:
 * - 60 KiB and 100 fields per head, and 10 s for a TLS handshake.
 * - 1,000 requests waiting for responses, of which HTTP/1.1 runs up to 8 safe ones at once and
 *   others one at a time; with HTTP/2, 100 streams.
 * - Over HTTP/2, 64 KiB of a request body that nobody reads, and 1 MiB of all on a connection.
 * - 1,000 HTTP/2 requests in a burst, and 33 per second, that are cancelled, beyond the limit, or
 *   reset because of the client's errors.
 * - 1,000 HTTP/2 frames without content in a burst, 100 per second, and 8 for each with content:
 *   PING, SETTINGS, PRIORITY, window updates, empty DATA, unknown types.
 * - 128 KiB and 17 frames for an encoded HTTP/2 header block.
 * - Time: see {@link ClientLimits}.
 *
 * Responses to slow clients are buffered up to 256 KiB each and 32 MiB in total, so that their
 * sources are free. A longer response makes its source wait until the client is cut off as too
 * slow.
 *
 * An HTTP/1.1 client that half-closes its connection while it waits for a response gets it within
 * about 2 s. After that it counts as gone and its calls are aborted, because it cannot be
 * distinguished from one that has closed the connection. nginx and Envoy abort them at once.
 *
 * Tunnels (WebSocket, CONNECT) open only for the protocols in `upgrades`.
 *
 * @throws RangeError for TLS that cannot work (no certificate, an invalid one, a key that does not
 * match, unknown ciphers), for upgrades to HTTP, and for limits out of range.
 */
export function serve(
  stack: Service<HttpRequest, HttpResponse, never>,
  options: ServeOptions = {},
): Promise<Either<ListenFailed, HttpServer>> {
  const { host = "127.0.0.1", port = 0, reusePort = false, sockets = [] } = options;
  return new Listener(stack, options).listen(host, port, reusePort, sockets);
}
