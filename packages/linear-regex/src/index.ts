export * from "./linear-regex.ts";
export * from "./substitution.ts";
