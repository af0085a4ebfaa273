export type { Coding } from "./coding.ts";
export * from "./compress.ts";
export { compressibleTypes } from "./compressible-types.ts";
export type { CompressOptions } from "./options.ts";
