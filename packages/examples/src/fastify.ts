// A Fastify app with a stack among its routes, in a plugin of its own.
import type { Service } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { toNode } from "@pagoda/node";
import { fastify, type FastifyInstance } from "fastify";

/** The stack sees the whole path. Fields that hooks set on `reply.raw` are sent; Fastify's own are not. */
export function fastifyApp(stack: Service<HttpRequest, HttpResponse>): FastifyInstance {
  const listener = toNode(stack);
  const app = fastify();
  app.addHook("onRequest", async (_request, reply) => void reply.raw.setHeader("X-Frame-Options", "DENY"));
  app.post("/own", async ({ body }) => ({ by: "Fastify", body }));
  app.register(async (api) => {
    // The stack reads the body itself. The parsers of other plugins remain.
    api.removeAllContentTypeParsers();
    api.addContentTypeParser("*", (_request, _payload, done) => done(null));
    api.all("/api/*", (request, reply) => {
      reply.hijack();
      listener(request.raw, reply.raw);
    });
  });
  return app;
}
