export * from "./assigning.ts";
export * from "./scripted.ts";
