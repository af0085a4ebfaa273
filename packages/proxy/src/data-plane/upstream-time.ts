import { asksForTunnel, type HttpRequest } from "@pagoda/http";

/**
 * When the time of a call runs: always, but not while its client is waited for. So an upload takes the time that the
 * client takes, which the listener bounds by itself; an upstream that does not take the upload has no more time than one
 * that does not answer. Envoy's route timeout begins with the end of the request, and leaves the second to its idle
 * timeout of 5 min. What goes on for ever counts at once.
 */
export function upstreamTime(request: HttpRequest, start: () => void, stop: () => void): void {
  start();
  if (!asksForTunnel(request)) request.body.watch((waits) => (waits ? stop() : start()));
}
