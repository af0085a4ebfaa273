export * from "./faults.ts";
export * from "./json.ts";
export * from "./json-body.ts";
