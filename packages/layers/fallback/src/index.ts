export * from "./fallback.ts";
