export * from "./undici.ts";
