export * from "./authority.ts";
export * from "./mirror.ts";
export type { MirrorObserver, MirrorOptions, SkipReason } from "./options.ts";
export { type MirrorUsage, mirrorUsage } from "./usage.ts";
