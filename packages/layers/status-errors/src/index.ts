export * from "./status-error.ts";
export * from "./status-errors.ts";
