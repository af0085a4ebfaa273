export * from "./concurrency-limit.ts";
