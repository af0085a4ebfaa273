import type { HttpRequest } from "@pagoda/core/http";

/** When the time of a call begins to run: an upload takes the time that it takes, and what goes on for ever counts at once. */
export function requestSent({ body, method, upgrade }: HttpRequest, start: () => void): void {
  if (upgrade !== undefined || method === "CONNECT") start();
  else body.observe(start);
}
