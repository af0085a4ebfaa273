export { type Coding, supportedCodings } from "./coding.ts";
export * from "./decompress.ts";
export * from "./decompress-requests.ts";
export * from "./faults.ts";
export type { DecompressOptions } from "./options.ts";
