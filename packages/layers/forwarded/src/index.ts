export * from "./forwarded.ts";
export * from "./hop-by-hop.ts";
export * from "./max-forwards.ts";
