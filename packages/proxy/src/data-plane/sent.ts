import { asksForTunnel, type HttpRequest } from "@pagoda/core/http";

/** When the time of a call begins to run: an upload takes the time that it takes, and what goes on for ever counts at once. */
export function requestSent(request: HttpRequest, start: () => void): void {
  if (asksForTunnel(request)) start();
  else request.body.observe(start);
}
