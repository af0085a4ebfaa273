export * from "./admin.ts";
export * from "./config.ts";
export * from "./proxy.ts";
export * from "./stack.ts";
