export * from "./agent.ts";
export * from "./answering.ts";
export * from "./assigning.ts";
export * from "./scripted.ts";
export * from "./routes.ts";
export * from "./wire.ts";
