// An Express app with a stack among its handlers. Before body parsers, and where a prefix ends.
import type { Service } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { toNode } from "@pagoda/node";
import express, { type Express } from "express";

/** The stack sees the path after `/api`, and its responses have the fields of the middleware. */
export function expressApp(stack: Service<HttpRequest, HttpResponse>): Express {
  return express()
    .use((_request, response, next) => {
      response.setHeader("X-Frame-Options", "DENY");
      next();
    })
    .use("/api", toNode(stack))
    .use(express.json())
    .post("/own", ({ body }, response) => void response.json({ by: "Express", body: body as unknown }));
}
