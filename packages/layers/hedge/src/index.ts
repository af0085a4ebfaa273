export * from "./hedge.ts";
