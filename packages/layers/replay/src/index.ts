export * from "./replay.ts";
