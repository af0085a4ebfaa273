import type { Random } from "@pagoda/core";
import { HttpHeaders, type HttpRequest } from "@pagoda/http";
import { oneOf } from "./random.ts";

/** The parts of a request that a router reads. */
export type Target = Omit<HttpRequest, "body" | "notes">;

export const plainTarget: Target = {
  method: "GET",
  scheme: "http",
  authority: "shop.example",
  path: "/",
  query: "",
  headers: HttpHeaders.empty,
  version: "1.1",
};

const authorities = ["shop.example", "shop.example:8080", "SHOP.example", "eu.shop.example", "other.example"];
const paths = [
  "/api",
  "/api/",
  "/api/carts/7",
  "/api/../api/items",
  "/a%70i/items",
  "/apiary",
  "/checkout",
  "/checkout/",
  "/users/42",
  "/users/ann",
  "/old/shop",
  "/",
  "/../up",
];
const beta = HttpHeaders.of({ "x-beta": "1" });

/** Targets for the routes of the simulation, edge cases included: near matches, near misses and refused paths. */
export function targets(random: Random): () => Target {
  return () => ({
    ...plainTarget,
    method: random() < 0.8 ? "GET" : "POST",
    // Most go to one host and to the route with the split.
    authority: random() < 0.8 ? "shop.example" : oneOf(random, authorities),
    path: random() < 0.5 ? "/api/items" : oneOf(random, paths),
    query: random() < 0.2 ? "?page=2" : "",
    headers: random() < 0.1 ? beta : HttpHeaders.empty,
  });
}
