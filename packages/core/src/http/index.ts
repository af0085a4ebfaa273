export * from "./body.ts";
export * from "./classifier.ts";
export * from "./headers.ts";
export * from "./message.ts";
export * from "./push-body.ts";
export * from "./replay.ts";
export * from "./single-lines.ts";
export * from "./stream-body.ts";
