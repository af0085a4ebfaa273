export * from "./load-shed.ts";
