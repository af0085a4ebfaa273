export * from "./failfast.ts";
