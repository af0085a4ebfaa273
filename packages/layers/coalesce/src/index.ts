export * from "./coalesce.ts";
