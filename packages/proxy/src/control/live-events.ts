import { bodyFrom, httpResponse, type HttpResponse, text } from "@pagoda/http";
import type { Feed } from "../live/feed.ts";

const maxViewers = 20;

/** `GET /live`: server-sent events until the client closes the connection; see `snapshot.ts`. */
export function liveEvents(feed: Pick<Feed, "viewers" | "view">): HttpResponse {
  if (feed.viewers >= maxViewers)
    return text(`there are ${maxViewers} viewers already, which is the maximum\n`, 503);
  return httpResponse(200, bodyFrom(feed.view()), {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
  });
}
