export * from "./respond.ts";
