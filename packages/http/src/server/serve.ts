import type { Service } from "@pagoda/core";
import type { Either } from "fp-ts/lib/Either.js";
import type { HttpRequest, HttpResponse } from "../message.ts";
import type { HttpServer, ListenFailed } from "./http-server.ts";
import { Listener } from "./listener.ts";
import type { ServeOptions } from "./serve-options.ts";

/**
 * Serves a stack over HTTP/1.1 and HTTP/2. It takes only a stack whose errors are all answered: the error type is
 * `never`.
 *
 * It does not wait for the stack's readiness: a call that cannot be admitted gets its layer's refusal, and who
 * wants to wait puts a buffer into the stack. What each connection may cost is bounded: 60 KiB and 100 fields of
 * headers, 10 s for a TLS handshake, 1,000 requests waiting for responses (HTTP/2: 100 streams), of which HTTP/1.1 runs
 * up to 8 safe ones at once and others one at a time; and time ({@link ClientLimits}). An HTTP/2 client may cancel 1,000
 * requests in a burst and 33 a second. A response that its client does not take waits here, up to 256 KiB each and 32 MiB in
 * all, so that its source is free; a longer one makes its source wait, until the client is too slow.
 *
 * An HTTP/1.1 client that half-closes its connection counts as gone, as in nginx and Envoy, and its calls are aborted: it
 * cannot be told from one that has closed the connection.
 *
 * Tunnels (WebSocket, CONNECT) open only for the protocols in `upgrades`.
 *
 * @throws RangeError for TLS that cannot work: no certificate, one that is none, a key that does not fit, unknown ciphers;
 * for upgrades to HTTP, and for limits out of range.
 */
export function serve(
  stack: Service<HttpRequest, HttpResponse, never>,
  options: ServeOptions = {},
): Promise<Either<ListenFailed, HttpServer>> {
  const { host = "127.0.0.1", port = 0, reusePort = false, sockets = [] } = options;
  return new Listener(stack, options).listen(host, port, reusePort, sockets);
}
