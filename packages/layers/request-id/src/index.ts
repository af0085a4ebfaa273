export * from "./request-id.ts";
