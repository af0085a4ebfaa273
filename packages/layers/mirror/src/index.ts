export * from "./authority.ts";
export * from "./mirror.ts";
export type { MirrorObserver, MirrorOptions, SkipReason } from "./options.ts";
export { type MirrorRoom, mirrorRoom } from "./room.ts";
