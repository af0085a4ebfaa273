export * from "./create.ts";
export * from "./generate.ts";
export * from "./template.ts";
