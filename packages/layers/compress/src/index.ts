export type { Coding } from "./coding.ts";
export * from "./compress.ts";
export { compressibleTypes, mediaTypePattern } from "./compressible-types.ts";
export { negotiate } from "./negotiate.ts";
export { type CompressOptions, supportedCodings } from "./options.ts";
