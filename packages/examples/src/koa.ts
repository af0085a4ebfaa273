// A Koa app with a stack in its middleware.
import type { Service } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { toNode } from "@pagoda/node";
import Koa from "koa";

/** The stack sees the whole path, and its responses have the fields of the middleware. */
export function koaApp(stack: Service<HttpRequest, HttpResponse>): Koa {
  const listener = toNode(stack);
  return new Koa()
    .use(async (context, next) => {
      context.set("X-Frame-Options", "DENY");
      await next();
    })
    .use(async (context, next) => {
      if (!context.path.startsWith("/api/")) return next();
      // Koa leaves the response to the stack.
      context.respond = false;
      listener(context.req, context.res);
    })
    .use(async (context) => {
      const chunks = await context.req.toArray();
      context.body = {
        by: "Koa",
        body: JSON.parse(Buffer.concat(chunks as Uint8Array[]).toString()) as unknown,
      };
    });
}
