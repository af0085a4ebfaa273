// A Hono app with a stack among its handlers, for every runtime that Hono supports.
import type { Service } from "@pagoda/core";
import { toFetch } from "@pagoda/fetch";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { Hono } from "hono";

/** The stack sees the path after `/api`, and its responses have the fields of the middleware. */
export function honoApp(stack: Service<HttpRequest, HttpResponse>): Hono {
  const handler = toFetch(stack);
  return new Hono()
    .use(async (context, next) => {
      await next();
      context.res.headers.set("X-Frame-Options", "DENY");
    })
    .post("/own", async (context) =>
      context.json({ by: "Hono", body: (await context.req.json()) as unknown }),
    )
    .mount("/api", (request) => handler(request));
}
