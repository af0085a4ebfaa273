export * from "./fetch-request.ts";
export * from "./from-fetch.ts";
export * from "./to-fetch.ts";
