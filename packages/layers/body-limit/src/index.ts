export * from "./body-limit.ts";
export * from "./response-body-limit.ts";
