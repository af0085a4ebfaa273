export * from "./timeout.ts";
