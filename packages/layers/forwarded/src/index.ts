export * from "./forwarded.ts";
export * from "./hop-by-hop.ts";
